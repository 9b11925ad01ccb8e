import { UserError } from "../protocol/errors.ts";

/** A key that an object of some JSON has twice, as JSON.parse would take its last value in silence; the text has to be valid. */
export function duplicateKey(json: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [token, key] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") objects.push(new Set());
    else if (token === "}") objects.pop();
    else if (key !== undefined) {
      const name = JSON.parse(key) as string;
      const keys = objects.at(-1)!;
      if (keys.has(name)) return name;
      keys.add(name);
    }
  }
}

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
  const twice = duplicateKey(json);
  if (twice === undefined) return value;
  throw new UserError(`Cannot read ${name}: expected each key once, got "${twice}" twice`);
}
