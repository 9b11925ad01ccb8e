import assert from "node:assert/strict";
import { bytesOfToken, decoderOf, DECODERS } from "../../../bench/generate/decoders.ts";

Deno.test("bytesOfToken() counts every weight of GPT-2 once, and a row of each embedding table", () => {
  // 124,439,808 parameters, of which the table of 1,024 positions is read at one row; the tied table of tokens is read whole, and a row of it once more.
  const numbers = 124_439_808 - 1023 * 768 + 768;
  assert.equal(bytesOfToken(DECODERS.gpt2), 4 * numbers);
  const [f16, int8] = [bytesOfToken(DECODERS["gpt2-f16"]), bytesOfToken(DECODERS["gpt2-int8"])];
  // Vectors stay f32, and rows of bytes have a scale.
  assert.ok(f16 > 2 * numbers && f16 < 2.01 * numbers);
  assert.ok(int8 > numbers && int8 < 1.02 * numbers);
});

Deno.test("decoderOf() names the decoders there are", () => {
  assert.equal(decoderOf("tinystories").baseDtype, "f32");
  assert.throws(() => decoderOf("bert"), /RangeError: .*"bert": expected gpt2, gpt2-f16, /);
});
