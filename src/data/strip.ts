/**
 * Removes from newsgroup posts what gives their group away: headers, signatures and quoted lines.
 *
 * The rules are those of scikit-learn's `fetch_20newsgroups(remove=...)`, so that scores can be compared with published
 * ones. They are heuristics: a last paragraph that is no signature goes too, and a post may end up empty.
 *
 * @module
 */

/** What can be stripped, in the order in which it is. */
export const stripParts = ["headers", "footers", "quotes"] as const;

/** A part of a newsgroup post; see {@linkcode stripHeaders}, {@linkcode stripFooters} and {@linkcode stripQuotes}. */
export type StripPart = typeof stripParts[number];

/** The text after the first blank line; empty where there is none. */
export function stripHeaders(text: string): string {
  const blank = text.indexOf("\n\n");
  return blank < 0 ? "" : text.slice(blank + 2);
}

/**
 * The text before its last separator: a line that is blank or made of hyphens alone, white space at both ends of the
 * text not counting. A text without one, or whose only one is its first line, stays as it is.
 */
export function stripFooters(text: string): string {
  const lines = stripSpace(text).split("\n");
  const separator = lines.findLastIndex((line) => /^-*$/.test(stripSpace(line)));
  return separator > 0 ? lines.slice(0, separator).join("\n") : text;
}

const quoting = /writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>/;

/** The text without lines that quote another post (`>`, `|`) or that announce a quotation ("... writes:"). */
export function stripQuotes(text: string): string {
  return text.split("\n").filter((line) => !quoting.test(line)).join("\n");
}

const rules = { headers: stripHeaders, footers: stripFooters, quotes: stripQuotes };

/**
 * Applies the chosen rules: headers, then footers, then quotes, in whatever order they are listed.
 *
 * @example
 * ```ts
 * import { strip } from "./strip.ts";
 * const post = "From: ann\n\n> is it?\nIt is.\n--\nAnn";
 * if (strip(post, ["headers", "footers", "quotes"]) !== "It is.") throw new Error("unreachable");
 * ```
 */
export function strip(text: string, parts: readonly StripPart[]): string {
  return stripParts.reduce((rest, part) => parts.includes(part) ? rules[part](rest) : rest, text);
}

/**
 * Python's `str.strip()`. JavaScript's `trim` differs: it keeps the four ASCII separators and the next-line character
 * and drops the byte order mark.
 */
function stripSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && pythonSpace.test(text[start])) start++;
  while (end > start && pythonSpace.test(text[end - 1])) end--;
  return text.slice(start, end);
}

// deno-lint-ignore no-control-regex -- the separators 0x1c to 0x1f are white space to Python
const pythonSpace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
