import assert from "node:assert/strict";
import { countOf } from "../../src/protocol/count_of.ts";

Deno.test("countOf() has one of something in the singular, and none in the plural", () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => countOf(count, "class")),
    ["0 classes", "1 class", "2 classes"],
  );
  assert.equal(countOf(11314, "sample"), "11314 samples");
});
