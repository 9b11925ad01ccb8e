/**
 * How many there are of something, as errors have it.
 *
 * @example
 * ```ts
 * import { countOf } from "./count_of.ts";
 * const texts = [countOf(1, "class"), countOf(2, "class"), countOf(1200, "client")];
 * if (texts.join() !== "1 class,2 classes,1200 clients") throw new Error("unreachable");
 * ```
 */
export function countOf(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}${noun.endsWith("s") ? "es" : "s"}`;
}
