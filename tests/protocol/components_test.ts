import assert from "node:assert/strict";
import fc from "fast-check";
import {
  allComponents,
  deltaWeight,
  gatherComponents,
  indicesOf,
  isIndexList,
  maskOf,
  scatterComponents,
} from "../../src/protocol/components.ts";
import { randomBank, roundShape } from "./support.ts";

// r = 3, in = 2, out = 2.
const module = {
  name: "q_proj",
  inFeatures: 2,
  outFeatures: 2,
  a: new Float32Array([1, 2, 3, 4, 5, 6]),
  b: new Float32Array([10, 20, 30, 40, 50, 60]),
};

Deno.test("gatherComponents() takes rows of A and columns of B", () => {
  const { a, b } = gatherComponents(module, 3, new Uint32Array([0, 2]));
  assert.deepEqual([...a], [1, 2, 5, 6]);
  assert.deepEqual([...b], [10, 30, 40, 60]);
});

Deno.test("scatterComponents() puts components back when the others are zero", () => {
  const slices = { a: new Float32Array([5, 6]), b: new Float32Array([30, 60]) };
  const { a, b } = scatterComponents(module, 3, new Uint32Array([2]), slices);
  assert.deepEqual([...a], [0, 0, 0, 0, 5, 6]);
  assert.deepEqual([...b], [0, 0, 30, 0, 0, 60]);
});

Deno.test("scatterComponents() restores a module when all its components were gathered", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    for (const module of randomBank(shape).modules) {
      const all = allComponents(shape.rank);
      const slices = gatherComponents(module, shape.rank, all);
      assert.deepEqual(scatterComponents(module, shape.rank, all, slices), module);
    }
  }));
});

Deno.test("deltaWeight() is s·B·A worked out by hand", () => {
  // B·A = [[10·1+20·3+30·5, 10·2+20·4+30·6], [40·1+50·3+60·5, 40·2+50·4+60·6]]
  assert.deepEqual([...deltaWeight(module, 1)], [220, 280, 490, 640]);
  assert.deepEqual([...deltaWeight(module, 0.5)], [110, 140, 245, 320]);
});

Deno.test("maskOf() and indicesOf() are each other's reverse", () => {
  assert.deepEqual([...maskOf(new Uint32Array([1, 3]), 5)], [0, 1, 0, 1, 0]);
  assert.deepEqual([...indicesOf(new Uint8Array([0, 1, 0, 1, 0]))], [1, 3]);
});

Deno.test("isIndexList() refuses when a list repeats, descends or is out of range", () => {
  assert(isIndexList(new Uint32Array([]), 3));
  assert(isIndexList(new Uint32Array([0, 2]), 3));
  assert(!isIndexList(new Uint32Array([2, 0]), 3));
  assert(!isIndexList(new Uint32Array([1, 1]), 3));
  assert(!isIndexList(new Uint32Array([0, 3]), 3));
});
