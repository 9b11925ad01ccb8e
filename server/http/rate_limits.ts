import { ProblemError } from "./problems.ts";

/** The refusal of a request whose bucket has a token in `wait` seconds. */
export function tooManyRequests(wait: number): ProblemError {
  const seconds = Math.ceil(wait);
  return new ProblemError(
    "rate-limited",
    `Cannot take more requests now: there were too many; try again in ${seconds} s`,
    { headers: { "retry-after": String(seconds) } },
  );
}

/**
 * Refuses a request whose bucket is empty.
 *
 * @param wait seconds until it has a token; 0 where there was one.
 * @throws {ProblemError} `rate-limited`.
 */
export function refuseTooMany(wait: number): void {
  if (wait > 0) throw tooManyRequests(wait);
}
