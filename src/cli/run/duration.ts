/** Lengths of time on the command line. @module */

import { UserError } from "../../protocol/errors.ts";

const unitSeconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Seconds of a length of time: "90", "90s", "10m", "2h", "1d".
 *
 * @param flag names it in the error.
 *
 * @throws UserError when it is none, or 0.
 */
export function readDuration(flag: string, text: string): number {
  const parts = /^(\d{1,9}(?:\.\d{1,3})?)([smhd]?)$/.exec(text.trim());
  const seconds = parts === null ? 0 : Number(parts[1]) * unitSeconds[parts[2]];
  if (seconds > 0) return seconds;
  throw new UserError(
    `Cannot use ${flag}: expected a length of time such as 90, 10m or 2h, got "${text}"`,
  );
}
