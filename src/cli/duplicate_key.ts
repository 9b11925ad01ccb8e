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
