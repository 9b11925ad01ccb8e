/**
 * What both databases can store alike, checked before either is asked.
 *
 * @module
 */

import type { SqlValue } from "./database.ts";

function faultOf(value: unknown): string | undefined {
  if (value === null || value instanceof Uint8Array) return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${value}`;
  if (typeof value !== "string") return `a value of type ${typeof value}`;
  return value.includes("\0") ? "text with a NUL character" : undefined;
}

/** @throws {TypeError} when a parameter is none that both databases keep as it is. */
export function checkParameters(parameters: readonly SqlValue[]): void {
  parameters.forEach((value, index) => {
    const fault = faultOf(value);
    if (fault === undefined) return;
    throw new TypeError(
      `Cannot store parameter $${
        index + 1
      }: expected text, a finite number, bytes or null, got ${fault}`,
    );
  });
}
