import assert from "node:assert/strict";
import { oneLine } from "../../../server/runs/text.ts";

Deno.test("oneLine() turns what would break a log line or a text column into spaces", () => {
  assert.equal(oneLine("a\u0000b\r\nc\u001b[31md\u2028e\n"), "a b c [31md e");
  assert.equal(oneLine("größer 🙂"), "größer 🙂");
});

Deno.test("oneLine() cuts what is too long, and says so", () => {
  assert.equal(oneLine("abcdef", 6), "abcdef");
  assert.equal(oneLine("abcdefg", 6), "abcde…");
  assert.equal(oneLine("x".repeat(1000)).length, 500);
});
