/**
 * The kinds of value a setting can have: how a flag's text becomes a value, and which values are allowed.
 *
 * @module
 */
import { closestNames } from "../protocol/closest_names.ts";

/** What a setting accepts. `T` is the type of the checked value. */
export interface Kind<T> {
  /** Stands for the value in the help text, "" for a switch. */
  readonly placeholder: string;
  /** What is allowed, as it follows "expected " in an error. */
  readonly expected: string;
  /** A flag's text as the value a configuration file would hold. */
  fromText(text: string): unknown;
  /** The value when it is allowed, otherwise undefined. */
  check(value: unknown): T | undefined;
  /** A hint that ends the error about a refused value, "" for none. */
  hint(value: unknown): string;
}

/** Bounds of a number; `above` and `below` are exclusive, `least` and `most` inclusive. */
export interface Bounds {
  readonly least?: number;
  readonly most?: number;
  readonly above?: number;
  readonly below?: number;
}

/** A finite number within bounds. */
export function number(bounds: Bounds = {}): Kind<number> {
  return numeric("a number", bounds, Number.isFinite);
}

/** A whole number within bounds. */
export function whole(bounds: Bounds = {}): Kind<number> {
  return numeric("a whole number", bounds, Number.isSafeInteger);
}

/** Any text but the empty one. */
export function text(placeholder: string): Kind<string> {
  return {
    placeholder,
    expected: "a text that is not empty",
    fromText: (given) => given,
    check: (value) => typeof value === "string" && value !== "" ? value : undefined,
    hint: noHint,
  };
}

/** A text that compiles as a regular expression (a list of names does). */
export function pattern(placeholder: string): Kind<string> {
  return {
    placeholder,
    expected: "a regular expression or names parted by commas",
    fromText: (given) => given,
    check: (value) =>
      typeof value === "string" && value !== "" && compiles(value) ? value : undefined,
    hint: noHint,
  };
}

/** One of a few names. `aliases` are names that were resolved before the check; they are only listed. */
export function choice<N extends string>(
  names: readonly N[],
  aliases: readonly string[] = [],
): Kind<N> {
  const listed = [...new Set([...names, ...aliases])];
  return {
    placeholder: "<name>",
    expected: `one of ${listed.join(", ")}`,
    fromText: (given) => given,
    check: (value) => names.find((name) => name === value),
    hint(value) {
      const near = typeof value === "string" ? closestNames(value, listed) : [];
      return near.length === 0 ? "" : ` (did you mean "${near[0]}"?)`;
    },
  };
}

/** True or false: `--name` and `--no-name` on the command line. */
export const toggle: Kind<boolean> = {
  placeholder: "",
  expected: "true or false",
  fromText: (given) => given === "true",
  check: (value) => typeof value === "boolean" ? value : undefined,
  hint: noHint,
};

/** `least` or more values of another kind: parted by commas on the command line, an array in a file. */
export function list<T>(item: Kind<T>, least = 1): Kind<readonly T[]> {
  return {
    placeholder: "<list>",
    expected: `a list, each ${item.expected}`,
    fromText: (given) => given.split(",").map((part) => item.fromText(part.trim())),
    check(value) {
      if (!Array.isArray(value) || value.length < least) return undefined;
      const items: T[] = [];
      for (const entry of value) {
        const checked = item.check(entry);
        if (checked === undefined) return undefined;
        items.push(checked);
      }
      return items;
    },
    hint: (value) =>
      Array.isArray(value) ? value.map((entry) => item.hint(entry)).find((hint) => hint) ?? "" : "",
  };
}

/** The same kind that also takes null ("not set") in a file. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  return { ...kind, check: (value) => value === null ? null : kind.check(value) };
}

function numeric(noun: string, bounds: Bounds, fits: (value: number) => boolean): Kind<number> {
  const { least = -Infinity, most = Infinity, above = -Infinity, below = Infinity } = bounds;
  return {
    placeholder: "<n>",
    expected: noun + boundsText(bounds),
    // Number("") is 0 and Number("0x10") is 16: only plain decimal notation counts as a number here.
    fromText: (given) =>
      /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given) ? Number(given) : given,
    check: (value) =>
      typeof value === "number" && fits(value) && value >= least && value <= most &&
        value > above && value < below
        ? value
        : undefined,
    hint: noHint,
  };
}

function boundsText({ least, most, above, below }: Bounds): string {
  const parts: string[] = [];
  if (least !== undefined) parts.push(`of at least ${least}`);
  if (above !== undefined) parts.push(`above ${above}`);
  if (most !== undefined) parts.push(`of at most ${most}`);
  if (below !== undefined) parts.push(`below ${below}`);
  return parts.length === 0 ? "" : ` ${parts.join(" and ")}`;
}

function compiles(source: string): boolean {
  try {
    new RegExp(source, "u");
    return true;
  } catch {
    return false;
  }
}

function noHint(): string {
  return "";
}
