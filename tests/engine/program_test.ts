import assert from "node:assert/strict";
import {
  activationTensor,
  bufferTensor,
  createProgram,
  declareBuffer,
  type DType,
  elementCount,
  extentOf,
  keepAs,
  mergeBuffers,
  sliceTensor,
  storedBytes,
} from "../../src/engine/program.ts";

Deno.test("elementCount() is 1 when a shape has no axes", () => {
  assert.equal(elementCount([]), 1);
  assert.equal(elementCount([2, 3, 4]), 24);
});

Deno.test("bufferTensor() covers a buffer of its own when its name is new", () => {
  const program = createProgram("p");
  const tensor = bufferTensor(program, "input", "ids", [2, 3], "u32");
  assert.deepEqual(program.buffers.get("ids"), {
    name: "ids",
    dtype: "u32",
    role: "input",
    length: 6,
  });
  assert.deepEqual(tensor.placement, { kind: "buffer", buffer: "ids", offset: 0 });
  assert.equal(program.tensors[tensor.id], tensor);
});

Deno.test("declareBuffer() keeps the larger length when a name comes again", () => {
  const program = createProgram("p");
  for (const length of [3, 8, 5]) {
    declareBuffer(program, { name: "x", dtype: "f32", role: "state", length });
  }
  assert.equal(program.buffers.get("x")?.length, 8);
});

Deno.test("declareBuffer() refuses a name when type or role differ", () => {
  const program = createProgram("p");
  declareBuffer(program, { name: "x", dtype: "f32", role: "state", length: 4 });
  assert.throws(
    () => declareBuffer(program, { name: "x", dtype: "u32", role: "state", length: 4 }),
    {
      name: "TypeError",
      message: 'Cannot share buffer "x": declared as f32 state and as u32 state',
    },
  );
  assert.throws(() => bufferTensor(program, "weight", "x", [4]), {
    name: "TypeError",
    message: 'Cannot share buffer "x": declared as f32 state and as f32 weight',
  });
});

Deno.test("mergeBuffers() returns the longer of two agreeing declarations", () => {
  const short = { name: "x", dtype: "f32", role: "state", length: 4 } as const;
  const long = { ...short, length: 9 };
  assert.equal(mergeBuffers(short, long), long);
  assert.equal(mergeBuffers(long, short), long);
});

Deno.test("sliceTensor() takes the buffer's type and place when it fits", () => {
  const program = createProgram("p");
  declareBuffer(program, { name: "packed", dtype: "u32", role: "state", length: 192 });
  const slice = sliceTensor(program, "packed", "second", [8, 16], 64);
  assert.equal(slice.dtype, "u32");
  assert.deepEqual(slice.placement, { kind: "buffer", buffer: "packed", offset: 64 });
});

Deno.test("sliceTensor() refuses a slice when it does not lie in its buffer", () => {
  const program = createProgram("p");
  declareBuffer(program, { name: "packed", dtype: "f32", role: "state", length: 192 });
  const slice = (buffer: string, shape: number[], offset: number) => () =>
    sliceTensor(program, buffer, "slice", shape, offset);
  assert.throws(slice("other", [4], 0), {
    name: "RangeError",
    message: 'Cannot slice buffer "other": it is not declared',
  });
  assert.throws(slice("packed", [129], 64), {
    name: "RangeError",
    message:
      'Cannot slice buffer "packed" at [64, 193): expected a multiple of 64 and an end of at most 192',
  });
  assert.throws(slice("packed", [1], 32), RangeError);
  assert.throws(slice("packed", [1], -64), RangeError);
  assert.throws(slice("packed", [1], NaN), RangeError);
});

Deno.test("keepAs() moves a computed tensor into an output buffer once", () => {
  const program = createProgram("p");
  const tensor = activationTensor(program, "loss", [4]);
  keepAs(program, tensor, "kept");
  assert.deepEqual(tensor.placement, { kind: "buffer", buffer: "kept", offset: 0 });
  assert.equal(program.buffers.get("kept")?.role, "output");
  assert.throws(() => keepAs(program, tensor, "again"), {
    name: "TypeError",
    message: 'Cannot keep "loss" as "again": it already lives in buffer "kept"',
  });
  assert.equal(program.buffers.has("again"), false);
});

Deno.test("activationTensor() refuses a size when it is not a whole number of at least 1", () => {
  const program = createProgram("p");
  for (const size of [0, -1, 1.5, NaN]) {
    assert.throws(() => activationTensor(program, "x", [2, size]), {
      name: "RangeError",
      message: `Cannot create tensor "x": expected sizes of at least 1, got [2, ${size}]`,
    });
  }
  assert.equal(program.tensors.length, 0);
});

for (const dtype of ["f16", "int8"] as const) {
  Deno.test(`declareBuffer() takes ${dtype} for weights alone`, () => {
    const program = createProgram("p");
    const weight = bufferTensor(program, "weight", "w", [3, 5], dtype);
    assert.equal(weight.dtype, dtype);
    assert.throws(() => bufferTensor(program, "state", "s", [3, 5], dtype), {
      name: "TypeError",
      message: `Cannot declare buffer "s" as ${dtype}: expected role weight, got state`,
    });
    assert.throws(() => sliceTensor(program, "w", "slice", [2], 0), {
      name: "TypeError",
      message: `Cannot slice buffer "w": expected f32 or u32, got ${dtype}`,
    });
  });
}

Deno.test("declareBuffer() takes a width with int8 alone, and one size of it", () => {
  const program = createProgram("p");
  const spec = { name: "w", role: "weight", length: 15 } as const;
  assert.throws(() => declareBuffer(program, { ...spec, dtype: "int8" }), {
    name: "TypeError",
    message: 'Cannot declare buffer "w" as int8: expected a width for int8 alone, got undefined',
  });
  assert.throws(() => declareBuffer(program, { ...spec, dtype: "f16", width: 5 }), TypeError);
  bufferTensor(program, "weight", "w", [3, 5], "int8");
  bufferTensor(program, "weight", "w", [3, 5], "int8");
  for (const shape of [[5, 3], [4, 5]]) {
    assert.throws(() => bufferTensor(program, "weight", "w", shape, "int8"), {
      name: "TypeError",
      message: /^Cannot share buffer "w": declared as 15 elements in rows of 5 and as/,
    });
  }
});

Deno.test("storedBytes() rounds elements up to whole words, and adds int8's scales", () => {
  const bytes = (dtype: DType, shapes: readonly number[][]) =>
    shapes.map((shape) => storedBytes(extentOf(dtype, shape)));
  assert.deepEqual(bytes("f16", [[1], [2], [3]]), [4, 4, 8]);
  assert.deepEqual(bytes("f32", [[1], [2], [3]]), [4, 8, 12]);
  assert.deepEqual(bytes("int8", [[1], [3, 4], [3, 3], [2, 3, 5]]), [8, 24, 24, 56]);
});
