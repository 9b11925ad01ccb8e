/**
 * A mistake of the person at the keyboard or of the file they gave: shown as one line, exit code 2, no stack trace.
 *
 * Conditions a caller would catch have a class of their own that extends this one.
 *
 * @example
 * ```ts
 * import { UserError } from "./errors.ts";
 * const error = new UserError('Cannot read "posts.csv": expected a column named "text"');
 * if (!(error instanceof Error)) throw new Error("unreachable");
 * ```
 */
export class UserError extends Error {
  /** The class's name, for logs. */
  override name = "UserError";
}
