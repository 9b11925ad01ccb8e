/** Shapes of values of unknown origin, as JSON.parse gives them. @module */

import type { Kind } from "../federated/setting_kinds.ts";
import { shown } from "../protocol/shown.ts";

/** What is wrong with a value: its place, what was expected there, and what stands there: "rounds[0].loss: expected a number, got null". */
export type Fault = string;

/** Looks a value through; undefined where it has the shape. `path` is its place, "" for the outermost. */
export type Shape = (value: unknown, path: string) => Fault | undefined;

/** A value of a kind. */
export function leaf({ expected, check }: Pick<Kind<unknown>, "expected" | "check">): Shape {
  return (value, path) => check(value) === undefined ? fault(path, expected, value) : undefined;
}

/** An object with at least these entries, a shape each. */
export function fields<T>(shapes: { readonly [Key in keyof T]-?: Shape }): Shape {
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return fault(path, "an object", value);
    }
    for (const [key, shape] of Object.entries<Shape>(shapes)) {
      const entry = Object.hasOwn(value, key) ? value[key as keyof typeof value] : undefined;
      const wrong = shape(entry, path === "" ? key : `${path}.${key}`);
      if (wrong !== undefined) return wrong;
    }
  };
}

/** A list of at least so many values of a shape. */
export function listOf(item: Shape, least = 0): Shape {
  return (value, path) => {
    if (!Array.isArray(value) || value.length < least) {
      return fault(path, least === 0 ? "a list" : `a list of at least ${least}`, value);
    }
    for (const [at, entry] of value.entries()) {
      const wrong = item(entry, `${path}[${at}]`);
      if (wrong !== undefined) return wrong;
    }
  };
}

/** A value of a shape, or none. */
export function absentOr(shape: Shape): Shape {
  return (value, path) => value === undefined ? undefined : shape(value, path);
}

/** Says what was expected, and what stands there. */
export function fault(path: string, expected: string, value: unknown): Fault {
  return `${path === "" ? "" : `${path}: `}expected ${expected}, got ${shown(value)}`;
}
