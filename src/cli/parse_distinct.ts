import { UserError } from "../protocol/errors.ts";
import { repeatedKey } from "../protocol/repeated_key.ts";

/**
 * The value of some JSON whose objects have each key once.
 *
 * @param name what it is, for errors: `study "study.json"`
 * @throws UserError when it is not JSON, or an object has a key twice.
 */
export function parseDistinct(json: string, name: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new UserError(`Cannot read ${name}: ${(error as Error).message}`);
  }
  const twice = repeatedKey(json);
  if (twice === undefined) return value;
  throw new UserError(`Cannot read ${name}: expected each key once, got "${twice}" twice`);
}
