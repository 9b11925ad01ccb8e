import assert from "node:assert/strict";
import { isSameLayout, readRunBank } from "../../../src/federated/remote/run_layout.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { SafetensorsError } from "../../../src/protocol/safetensors.ts";
import { manifestOf } from "./manifest_support.ts";

const { manifest, bank } = await manifestOf();
const { layout } = manifest;

Deno.test("isSameLayout() sees names, sizes and order, and nothing else", () => {
  const [first, second, ...rest] = layout.modules;
  assert.ok(isSameLayout(layout, bank));
  assert.ok(!isSameLayout(layout, { ...layout, modules: [second, first, ...rest] }));
  assert.ok(
    !isSameLayout(layout, { ...layout, modules: [{ ...first, name: "x" }, second, ...rest] }),
  );
  assert.ok(!isSameLayout(layout, { ...layout, rank: layout.rank + 1 }));
  assert.ok(!isSameLayout(layout, { ...layout, head: [] }));
});

Deno.test("readRunBank() reads the run's banks, and no others", () => {
  const bytes = encodeBank(bank);
  assert.deepEqual(readRunBank(bytes, manifest), bank);
  const others = [
    { ...manifest, alpha: manifest.alpha + 1 },
    { ...manifest, layout: { ...layout, modules: layout.modules.slice(1) } },
  ];
  for (const other of others) {
    assert.throws(() => readRunBank(bytes, other), /^UserError: Cannot use the adapter of "news":/);
  }
  assert.throws(() => readRunBank(bytes.subarray(1), manifest), SafetensorsError);
});
