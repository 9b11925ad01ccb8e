import assert from "node:assert/strict";
import { packLayout } from "../../src/lora/layout.ts";
import { initialWeights, unpackWeights } from "../../src/pretrain/weights.ts";

const tensor = (name: string, ...shape: number[]) => ({ name, shape, deviation: 0 });
const layout = packLayout([], 0, [
  tensor("table.weight", 50, 30),
  tensor("norm.weight", 30),
  tensor("norm.bias", 30),
]);

Deno.test("initialWeights() draws matrices, and sets norms to 1 and biases to 0", () => {
  const [table, gamma, beta] = unpackWeights(layout, initialWeights(layout, 0.02, 1));
  const mean = table.data.reduce((sum, value) => sum + value, 0) / 1500;
  const variance = table.data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 1500;
  // Four standard errors of 1,500 draws.
  assert.ok(Math.abs(mean) < 4 * 0.02 / Math.sqrt(1500), `mean ${mean}`);
  assert.ok(Math.abs(Math.sqrt(variance) - 0.02) < 4 * 0.02 / Math.sqrt(3000), `${variance}`);
  assert.deepEqual(new Set(gamma.data), new Set([1]));
  assert.deepEqual(new Set(beta.data), new Set([0]));
});

Deno.test("initialWeights() gives a tensor the same start whatever stands beside it", () => {
  const longer = packLayout([], 0, [tensor("other.weight", 7, 3), ...layout.head]);
  const find = (of: typeof layout, seed: number) =>
    unpackWeights(of, initialWeights(of, 0.02, seed))
      .find(({ name }) => name === "table.weight")!.data;
  assert.deepEqual(find(longer, 1), find(layout, 1));
  assert.notDeepEqual(find(layout, 2), find(layout, 1));
});

Deno.test("initialWeights() begins positions as waves of the same deviation", () => {
  const name = "bert.embeddings.position_embeddings.weight";
  const waves = packLayout([], 0, [tensor(name, 16, 8)]);
  const [{ data }] = unpackWeights(waves, initialWeights(waves, 0.5, 1));
  const squares = data.reduce((sum, value) => sum + value * value, 0);
  // sin² + cos² = 1 for every pair, and the deviation's square is half of what a wave's is.
  assert.ok(Math.abs(squares / data.length - 0.25) < 1e-6, `${squares / data.length}`);
  const product = (x: number, y: number) =>
    Array.from({ length: 8 }, (_, c) => data[8 * x + c] * data[8 * y + c])
      .reduce((sum, value) => sum + value, 0);
  // How alike two places are depends on their distance alone.
  for (const distance of [1, 3]) {
    assert.ok(Math.abs(product(2, 2 + distance) - product(9, 9 + distance)) < 1e-5);
  }
  assert.ok(product(2, 3) > product(2, 5));
});

Deno.test("unpackWeights() finds every tensor between the gaps", () => {
  const packed = Float32Array.from({ length: layout.length }, (_, i) => i);
  const tensors = unpackWeights(layout, packed);
  assert.deepEqual(tensors.map(({ name, shape }) => [name, shape]), [
    ["table.weight", [50, 30]],
    ["norm.weight", [30]],
    ["norm.bias", [30]],
  ]);
  tensors.forEach(({ data }, i) => {
    const { offset } = layout.headSlices[i];
    assert.deepEqual([data[0], data[data.length - 1]], [offset, offset + data.length - 1]);
  });
});
