import assert from "node:assert/strict";
import { firstRepeated } from "../../src/protocol/first_repeated.ts";

Deno.test("firstRepeated() gives the value that is there a second time first", () => {
  assert.equal(firstRepeated(["a", "b", "c", "b", "a"]), "b");
  assert.equal(firstRepeated(["a", "b"]), undefined);
  assert.equal(firstRepeated([]), undefined);
});
