/**
 * Text of others, such as a server's words or a client's name, without what a terminal would obey: control characters, and marks that turn the
 * direction of what follows them.
 *
 * @example
 * ```ts
 * import { printable } from "./printable.ts";
 * if (printable("Ana\u001b[2J") !== "Ana\ufffd[2J") throw new Error("unreachable");
 * ```
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd");
}

/** The same of several lines, which stay lines. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
