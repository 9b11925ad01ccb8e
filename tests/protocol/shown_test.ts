import assert from "node:assert/strict";
import { shown } from "../../src/protocol/shown.ts";

Deno.test("shown() tells a value as JSON has it, numbers that JSON has not too, and cuts what is long", () => {
  const values: [unknown, string][] = [
    [{ a: [1, "x"] }, '{"a":[1,"x"]}'],
    [undefined, "nothing"],
    [null, "null"],
    [Infinity, "Infinity"],
    ["x".repeat(58), `"${"x".repeat(58)}"`],
    ["x".repeat(59), `"${"x".repeat(58)}…`],
  ];
  for (const [value, text] of values) assert.equal(shown(value), text);
});
