import assert from "node:assert/strict";
import { problemCode, problemUri } from "../../../src/protocol/http/problem.ts";

Deno.test("problemCode() reads what problemUri() wrote, and nothing else", () => {
  assert.equal(problemUri("round-closed"), "urn:hafl:problem:round-closed");
  assert.equal(problemCode({ type: problemUri("round-closed") }), "round-closed");
  assert.equal(problemCode({ type: "about:blank" }), "internal", "a proxy's own problem");
});
