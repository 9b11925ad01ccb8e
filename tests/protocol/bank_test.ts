import assert from "node:assert/strict";
import fc from "fast-check";
import { createBank, scale } from "../../src/protocol/bank.ts";
import { decodeBank, encodeBank } from "../../src/protocol/bank_codec.ts";
import { encodeSafetensors, SafetensorsError } from "../../src/protocol/safetensors.ts";
import { randomBank, roundShape } from "./support.ts";

const wide = { name: "layers.0.q_proj", inFeatures: 400, outFeatures: 3 };
const narrow = { name: "layers.0.v_proj", inFeatures: 16, outFeatures: 5 };
const settings = { rank: 8, alpha: 16, seed: 1, head: [] };

Deno.test("createBank() draws A from U(-1/sqrt(in), 1/sqrt(in)) and leaves B zero", () => {
  const { modules: [{ a, b }], scores, trained } = createBank({ ...settings, modules: [wide] });
  const bound = 1 / Math.sqrt(400);
  assert(a.every((value) => Math.abs(value) <= bound));
  const variance = a.reduce((sum, value) => sum + value ** 2, 0) / a.length;
  // 3,200 draws: the sample variance of a uniform is within 10 % of bound²/3 but once in a million seeds.
  assert(Math.abs(variance / (bound ** 2 / 3) - 1) < 0.1);
  assert(b.length === 3 * 8 && b.every((value) => value === 0));
  assert.deepEqual([...scores[0]], Array(8).fill(0));
  assert.deepEqual([...trained[0]], Array(8).fill(0));
});

Deno.test("createBank() gives a module the same A when its neighbours or their order change", () => {
  const both = createBank({ ...settings, modules: [wide, narrow] });
  const swapped = createBank({ ...settings, modules: [narrow, wide] });
  const alone = createBank({ ...settings, modules: [narrow] });
  assert.deepEqual(both.modules[0], swapped.modules[1]);
  assert.deepEqual(both.modules[1], alone.modules[0]);
  const twin = createBank({ ...settings, modules: [narrow, { ...narrow, name: "twin" }] });
  assert.notDeepEqual(twin.modules[1].a, twin.modules[0].a);
  const reseeded = createBank({ ...settings, seed: 2, modules: [narrow] });
  assert.notDeepEqual(reseeded.modules[0].a, alone.modules[0].a);
});

Deno.test("createBank() throws RangeError when a size is wrong or a name repeats", () => {
  const modules = [narrow];
  for (const rank of [0, -1, 1.5, NaN]) {
    assert.throws(() => createBank({ ...settings, modules, rank }), RangeError);
  }
  for (const alpha of [0, -1, NaN, Infinity]) {
    assert.throws(() => createBank({ ...settings, modules, alpha }), RangeError);
  }
  assert.throws(
    () => createBank({ ...settings, modules: [narrow, narrow] }),
    /unique module names/,
  );
  assert.throws(
    () => createBank({ ...settings, modules: [{ ...narrow, inFeatures: 0 }] }),
    /got 0 in/,
  );
});

Deno.test("scale() is alpha over the server's rank", () => {
  assert.equal(scale({ rank: 8, alpha: 16 }), 2);
});

Deno.test("encodeBank() and decodeBank() round-trip every bit", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const bank = { ...randomBank(shape), alpha: 0.1 + shape.seed / 3 };
    bank.modules[0].a[0] = -0;
    bank.scores[0][0] = Number.MIN_VALUE;
    const decoded = decodeBank(encodeBank(bank));
    assert.deepEqual(decoded, bank);
  }));
});

Deno.test("decodeBank() keeps the modules' order when their names would sort otherwise", () => {
  const bank = createBank({ ...settings, modules: [narrow, wide] });
  assert.deepEqual(decodeBank(encodeBank(bank)).modules.map(({ name }) => name), [
    "layers.0.v_proj",
    "layers.0.q_proj",
  ]);
});

Deno.test("decodeBank() throws SafetensorsError when the file is not a whole bank", () => {
  const bytes = encodeBank(createBank({ ...settings, modules: [narrow] }));
  assert.throws(() => decodeBank(bytes.subarray(0, bytes.length - 1)), SafetensorsError);
  assert.throws(() => decodeBank(encodeSafetensors([])), /expected format "hafl-bank-1"/);
  const format = "hafl-bank-1";
  const texts = { format, rank: "2", alpha: "4", head: "[]", modules: '["q"]' };
  assert.throws(() => decodeBank(encodeSafetensors([], texts)), /"q.lora_A.weight".*got none/);
  assert.throws(() => decodeBank(encodeSafetensors([], { ...texts, rank: "0" })), /a rank/);
  assert.throws(
    () => decodeBank(encodeSafetensors([], { ...texts, modules: "{}" })),
    /list of names/,
  );
  assert.throws(
    () => decodeBank(encodeSafetensors([], { ...texts, modules: "" })),
    /list of names/,
  );
});
