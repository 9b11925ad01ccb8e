/**
 * A key that an object of some JSON has twice; undefined where there is none. JSON.parse would keep the last of two in silence, another reader may
 * keep the first.
 *
 * @param json valid JSON
 *
 * @example
 * ```ts
 * import { repeatedKey } from "./repeated_key.ts";
 * if (repeatedKey('{"a": {"b": 1}, "\\u0061": 2}') !== "a") throw new Error("unreachable");
 * ```
 *
 * @module
 */
export function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    if (json[i] === "{") open.push(new Set());
    else if (json[i] === "}") open.pop();
    else if (json[i] === '"') {
      const start = i++;
      while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
      let next = i + 1;
      while (" \t\r\n".includes(json[next])) next++;
      if (json[next] !== ":") continue;
      const key: string = JSON.parse(json.slice(start, i + 1));
      const keys = open[open.length - 1];
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
}
