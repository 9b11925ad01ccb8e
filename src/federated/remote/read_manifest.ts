/**
 * A manifest from a server that need not be one: its form, and that nothing in it makes a client allocate what no run needs.
 *
 * What local training depends on is checked as a configuration file is, see {@linkcode manifestConfig}.
 *
 * @module
 */

import type { AdapterLayout } from "../../protocol/bank.ts";
import { UserError } from "../../protocol/errors.ts";
import { sha256Form } from "../../protocol/hash.ts";
import { layoutCells, MAX_CELLS, MAX_RANK } from "../../protocol/layout_size.ts";
import { manifestKinds, type RunManifest } from "../../protocol/manifest.ts";
import { taskFault } from "../../protocol/manifest_task.ts";
import { shown } from "../../protocol/shown.ts";

/** A part of a manifest, by its keys parted by dots. */
interface Part {
  readonly path: string;
  /** As it follows "expected ". */
  readonly expected: string;
  fits(value: unknown): boolean;
}

/** Most of what a manifest lists: labels, modules, seats. */
const MOST_LISTED = 100_000;

/** Parts that clients go by. The server's settings of the method and the settings of training are checked where they are read. */
const parts: readonly Part[] = [
  line("name"),
  line("model.name"),
  { path: "model.revision", expected: "a line of text or null", fits: orNull(isLine) },
  hash("model.hash"),
  hash("model.tokenizer"),
  list("labels", isLine, "lines of text"),
  whole("layout.rank", MAX_RANK),
  list("layout.modules", isModule, "modules with their sizes"),
  list("layout.head", isTensor, "tensors with their shapes"),
  whole("rounds", 1_000_000),
  { path: "method", expected: "an object", fits: isRecord },
  whole("participation.seats", MOST_LISTED),
  {
    path: "ranks",
    expected: "fixed ranks, stated ones or tiers",
    fits(value) {
      if (!isRecord(value)) return false;
      if (value.kind === "fixed") return isListOf(value.ranks, isRank);
      if (value.kind === "auto") return isListOf(value.tiers, isRank);
      return value.kind === "stated";
    },
  },
  { path: "training", expected: "an object", fits: isRecord },
];

/**
 * Checks what came as a manifest.
 *
 * @returns it, as it is.
 *
 * @throws UserError naming the first part that is not as it should be.
 */
export function readManifest(value: unknown): RunManifest {
  const kind = partOf(value, "kind");
  if (!(manifestKinds as readonly unknown[]).includes(kind)) {
    throw new UserError(
      `Cannot join the run: the server is of another version (its manifest is ${shown(kind)}, ` +
        `expected ${manifestKinds.map((known) => `"${known}"`).join(" or ")})`,
    );
  }
  for (const { path, expected, fits } of parts) {
    const part = partOf(value, path);
    if (!fits(part)) throw fault(value, path, expected, shown(part));
  }
  const manifest = value as RunManifest;
  checkTask(manifest);
  checkSize(manifest);
  checkSeats(manifest);
  return manifest;
}

function checkTask(manifest: RunManifest): void {
  const wrong = taskFault(manifest);
  if (wrong) throw fault(manifest, wrong.path, wrong.expected, wrong.got);
}

function checkSize(manifest: RunManifest): void {
  const cells = layoutCells(manifest.layout);
  if (cells <= MAX_CELLS) return;
  throw fault(manifest, "layout", `at most ${MAX_CELLS} numbers in all`, String(cells));
}

function checkSeats(manifest: RunManifest): void {
  const { ranks, participation: { seats } } = manifest;
  if (ranks.kind !== "fixed" || ranks.ranks.length === seats) return;
  throw fault(manifest, "ranks", `one for each of ${seats} seats`, String(ranks.ranks.length));
}

function fault(manifest: unknown, path: string, expected: string, got: string): UserError {
  const name = partOf(manifest, "name");
  const run = isLine(name) ? `"${name}"` : "the run";
  return new UserError(
    `Cannot use "${path}" in the manifest of ${run}: expected ${expected}, got ${got}`,
  );
}

function partOf(value: unknown, path: string): unknown {
  let part = value;
  for (const key of path.split(".")) part = isRecord(part) ? part[key] : undefined;
  return part;
}

function line(path: string): Part {
  return { path, expected: "a line of text", fits: isLine };
}

function hash(path: string): Part {
  return {
    path,
    expected: "64 hexadecimal digits",
    fits: (value) => typeof value === "string" && sha256Form.test(value),
  };
}

function whole(path: string, most: number): Part {
  return {
    path,
    expected: `a whole number of 1 to ${most}`,
    fits: (value) => isSize(value) && value <= most,
  };
}

function list(path: string, isItem: (value: unknown) => boolean, what: string): Part {
  return {
    path,
    expected: `at most ${MOST_LISTED} ${what}`,
    fits: (value) => isListOf(value, isItem),
  };
}

function orNull(fits: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === null || fits(value);
}

function isListOf(value: unknown, isItem: (value: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= MOST_LISTED && value.every(isItem);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLine(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= 500 && !/\p{Cc}/u.test(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isRank(value: unknown): boolean {
  return isSize(value) && value <= MAX_RANK;
}

function isModule(value: unknown): value is AdapterLayout["modules"][number] {
  return isRecord(value) && isLine(value.name) && isSize(value.inFeatures) &&
    isSize(value.outFeatures);
}

function isTensor(value: unknown): value is AdapterLayout["head"][number] {
  return isRecord(value) && isLine(value.name) && isListOf(value.shape, isSize);
}
