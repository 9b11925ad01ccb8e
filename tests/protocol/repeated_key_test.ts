import assert from "node:assert/strict";
import { repeatedKey } from "../../src/protocol/repeated_key.ts";

Deno.test("repeatedKey() finds a key that one object has twice, however it is written", () => {
  assert.equal(repeatedKey('{"a": 1, "b": {"c": [{"d": 1}, {"d": 1, "e": 2, "d" : 3}]}}'), "d");
  assert.equal(repeatedKey('{"a": {"b": 1}, "\\u0061": 2}'), "a");
});

Deno.test("repeatedKey() is not misled by values and by other objects' keys", () => {
  for (
    const json of [
      '{"a": "a", "b": "\\"a\\": {", "c": ["c", "a"]}',
      '[{"a": 1}, {"a": 1}]',
      '{"a": {"a": {"a": "}"}}, "b": 1}',
      '"a"',
    ]
  ) {
    JSON.parse(json);
    assert.equal(repeatedKey(json), undefined, json);
  }
});
