import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeSafetensors,
  encodeSafetensors,
  parseSafetensorsHeader,
  SafetensorsError,
  safetensorsHeaderLength,
  type SafetensorsInput,
  toFloat32,
} from "../../src/protocol/safetensors.ts";
import { toBfloat, toHalf } from "../../src/protocol/safetensors_dtype.ts";

/** A file from a header text and the size of its data section. */
function fileOf(header: string, dataSize: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + text.length + dataSize);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

const float32s = fc.float32Array({ noNaN: true, maxLength: 12 });
const arrays = fc.oneof(
  float32s,
  fc.float64Array({ noNaN: true, maxLength: 12 }),
  fc.bigInt64Array({ maxLength: 12 }),
  fc.int32Array({ maxLength: 12 }),
  fc.uint32Array({ maxLength: 12 }),
  fc.int16Array({ maxLength: 12 }),
  fc.uint16Array({ maxLength: 12 }),
  fc.int8Array({ maxLength: 12 }),
  fc.uint8Array({ maxLength: 12 }),
);
const text = fc.string({ unit: "binary" });
const tensorName = text.filter((name) => name !== "__metadata__");
const files = fc.record({
  tensors: fc.uniqueArray(fc.record({ name: tensorName, data: arrays }), {
    selector: ({ name }) => name,
    maxLength: 6,
  }),
  metadata: fc.dictionary(text, text, { maxKeys: 3 }),
});

Deno.test("encodeSafetensors() and decodeSafetensors() round-trip any tensors and texts", () => {
  fc.assert(fc.property(files, ({ tensors, metadata }) => {
    const inputs: SafetensorsInput[] = tensors.map(({ name, data }) => ({
      name,
      data,
      shape: [data.length],
    }));
    const decoded = decodeSafetensors(encodeSafetensors(inputs, metadata));
    assert.deepEqual(Object.entries(decoded.metadata).sort(), Object.entries(metadata).sort());
    assert.equal(decoded.tensors.size, inputs.length);
    for (const { name, shape, data } of inputs) {
      const tensor = decoded.tensors.get(name)!;
      assert.deepEqual(tensor.shape, shape);
      assert.equal(tensor.bytes.byteOffset % data.BYTES_PER_ELEMENT, 0);
      assert.deepEqual(
        [...tensor.bytes],
        [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
      );
    }
  }));
});

Deno.test("encodeSafetensors() gives the same bytes whatever the order of tensors and texts", () => {
  fc.assert(fc.property(files, ({ tensors, metadata }) => {
    const inputs = tensors.map(({ name, data }) => ({ name, data, shape: [data.length] }));
    const reversed = Object.fromEntries(Object.entries(metadata).reverse());
    assert.deepEqual(
      encodeSafetensors(inputs, metadata),
      encodeSafetensors(inputs.toReversed(), reversed),
    );
  }));
});

Deno.test("encodeSafetensors() writes the documented bytes for one tensor", () => {
  const file = encodeSafetensors([{ name: "x", shape: [1, 1], data: new Float32Array([1]) }]);
  const header = '{"x":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}';
  assert.equal(header.length, 56);
  assert.equal(new DataView(file.buffer).getBigUint64(0, true), 56n);
  assert.equal(new TextDecoder().decode(file.subarray(8, 64)), header);
  assert.deepEqual([...file.subarray(64)], [0, 0, 0x80, 0x3f]);
});

Deno.test("encodeSafetensors() pads the header with spaces to 8 bytes when it is shorter", () => {
  const file = encodeSafetensors([{ name: "xyz", shape: [], data: new Uint8Array([7]) }]);
  const length = safetensorsHeaderLength(file, file.length);
  assert.equal(length % 8, 0);
  assert.match(new TextDecoder().decode(file.subarray(8, 8 + length)), /\}\} +$/);
});

Deno.test("encodeSafetensors() refuses when names collide or numbers do not fill the shape", () => {
  const data = new Float32Array(2);
  const shape = [2];
  const twice = [{ name: "x", shape, data }, { name: "x", shape, data }];
  assert.throws(() => encodeSafetensors(twice), SafetensorsError);
  assert.throws(() => encodeSafetensors([{ name: "__metadata__", shape, data }]), SafetensorsError);
  assert.throws(() => encodeSafetensors([{ name: "x", shape: [3], data }]), {
    name: "RangeError",
    message: 'Cannot write tensor "x": expected 3 numbers for shape [3], got 2',
  });
  assert.throws(() => encodeSafetensors([{ name: "x", shape, data, dtype: "BF16" }]), TypeError);
});

const entry = (start: number, end: number, dtype = "F32", shape = `[${(end - start) / 4}]`) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${start},${end}]}`;

const malformed: readonly [kind: string, file: Uint8Array, message: RegExp][] = [
  ["the file is empty", new Uint8Array(0), /at least 8 bytes, got 0/],
  ["the file ends in the length", new Uint8Array(7), /at least 8 bytes, got 7/],
  ["the header is longer than the file", fileOf("{}", 0).subarray(0, 9), /longer than the file/],
  ["the header is above the limit", new Uint8Array(16).fill(255), /at most 100000000 bytes/],
  ["the header is not JSON", fileOf("{", 0), /not valid JSON/],
  ["the header is not UTF-8", fileOf("{}", 0).fill(0xff, 8), /not valid JSON/],
  ["the header is a list", fileOf("[]", 0), /not a JSON object/],
  [
    "a name comes twice",
    fileOf(`{"x":${entry(0, 4)}, "\\u0078" : ${entry(0, 4)}}`, 4),
    /duplicate/,
  ],
  ["a field comes twice", fileOf(`{"x":{"dtype":"F16",${entry(0, 4).slice(1)}}`, 4), /duplicate/],
  ["metadata is not text", fileOf('{"__metadata__":{"a":1}}', 0), /__metadata__/],
  ["an entry is not an object", fileOf('{"x":3}', 0), /"x": expected an object/],
  ["the dtype is unknown", fileOf(`{"x":${entry(0, 4, "F8_E4M3")}}`, 4), /unknown dtype "F8_E4M3"/],
  ["the dtype is a prototype's name", fileOf(`{"x":${entry(0, 4, "toString")}}`, 4), /dtype/],
  ["the shape is negative", fileOf(`{"x":${entry(0, 4, "F32", "[-1]")}}`, 4), /shape of whole/],
  ["the shape is fractional", fileOf(`{"x":${entry(0, 4, "F32", "[0.5]")}}`, 4), /shape of whole/],
  ["the size differs from the shape", fileOf(`{"x":${entry(0, 8, "F32", "[3]")}}`, 8), /12 bytes/],
  [
    "the shape overflows",
    fileOf(`{"x":${entry(0, 4, "F32", "[9007199254740991,9007199254740991]")}}`, 4),
    /got 4/,
  ],
  ["the offsets run backwards", fileOf(`{"x":${entry(4, 0, "F32", "[1]")}}`, 4), /data_offsets/],
  ["the data is truncated", fileOf(`{"x":${entry(0, 8)}}`, 5), /holds 5 data bytes \(truncated/],
  ["an offset is out of range", fileOf(`{"x":${entry(400, 404)}}`, 4), /ends at data byte 404/],
  ["tensors overlap", fileOf(`{"x":${entry(0, 8)},"y":${entry(4, 12)}}`, 12), /"y": it overlaps/],
  ["tensors leave a hole", fileOf(`{"x":${entry(0, 4)},"y":${entry(8, 12)}}`, 12), /no tensor/],
  ["bytes trail", fileOf(`{"x":${entry(0, 4)}}`, 5), /expected 4 data bytes, got 5/],
];

for (const [kind, file, message] of malformed) {
  Deno.test(`decodeSafetensors() throws SafetensorsError when ${kind}`, () => {
    assert.throws(() => decodeSafetensors(file), (error) => {
      assert(error instanceof SafetensorsError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("decodeSafetensors() throws SafetensorsError when any file is cut anywhere", () => {
  const file = encodeSafetensors([
    { name: "x", shape: [2, 2], data: new Float32Array(4) },
    { name: "y", shape: [3], data: new Uint8Array(3) },
  ], { note: "cut" });
  for (let length = 0; length < file.length; length++) {
    assert.throws(() => decodeSafetensors(file.subarray(0, length)), SafetensorsError);
  }
});

Deno.test("decodeSafetensors() throws nothing but SafetensorsError when bytes are flipped", () => {
  const file = encodeSafetensors([{ name: "x", shape: [2], data: new Float32Array(2) }], {
    a: "b",
  });
  const flips = fc.array(
    fc.tuple(fc.nat({ max: file.length - 1 }), fc.integer({ min: 1, max: 255 })),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  fc.assert(
    fc.property(flips, (list) => {
      const damaged = file.slice();
      for (const [at, bits] of list) damaged[at] ^= bits;
      try {
        decodeSafetensors(damaged);
      } catch (error) {
        assert(error instanceof SafetensorsError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseSafetensorsHeader() reads the header when only the head of the file is at hand", () => {
  const file = encodeSafetensors([{ name: "x", shape: [2], data: new Float32Array(2) }]);
  const dataOffset = file.length - 8;
  const header = parseSafetensorsHeader(file.subarray(0, dataOffset), file.length);
  assert.equal(header.dataOffset, dataOffset);
  assert.deepEqual(header.entries.get("x"), { dtype: "F32", shape: [2], start: 0, end: 8 });
  assert.throws(
    () => parseSafetensorsHeader(file.subarray(0, dataOffset - 1), file.length),
    RangeError,
  );
});

Deno.test("toFloat32() converts halves when they are normal, subnormal, zero or not finite", () => {
  const halves = new Uint16Array([
    0x3c00,
    0xc000,
    0x0001,
    0x8001,
    0x03ff,
    0x0400,
    0x7bff,
    0x7c00,
    0x8000,
  ]);
  const floats = toFloat32("F16", new Uint8Array(halves.buffer));
  const smallest = 2 ** -24;
  const expected = [1, -2, smallest, -smallest, 1023 * smallest, 2 ** -14, 65504, Infinity, -0];
  assert.deepEqual([...floats], expected);
  assert(Number.isNaN(toFloat32("F16", new Uint8Array([0x01, 0x7c]))[0]));
});

Deno.test("toHalf() rounds to the nearest half, ties to even, and to infinity beyond the range", () => {
  const step = 2 ** -10;
  const smallest = 2 ** -24;
  const cases: [number, number][] = [
    [1 + 0.49 * step, 1],
    [1 + 0.51 * step, 1 + step],
    [1 + 0.5 * step, 1],
    [1 + 1.5 * step, 1 + 2 * step],
    [-1 - 1.5 * step, -1 - 2 * step],
    [65519, 65504],
    [65520, Infinity],
    [-1e9, -Infinity],
    [0.4 * smallest, 0],
    [0.6 * smallest, smallest],
    [1.5 * smallest, 2 * smallest],
    [-0, -0],
    [NaN, NaN],
  ];
  const halves = toHalf(Float32Array.from(cases, ([given]) => given));
  assert.deepEqual(
    [...toFloat32("F16", new Uint8Array(halves.buffer))],
    cases.map(([, expected]) => expected),
  );
});

Deno.test("toHalf() keeps every half as it is", () => {
  const halves = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits)
    .filter((bits) => (bits & 0x7fff) <= 0x7c00);
  assert.deepEqual(toHalf(toFloat32("F16", new Uint8Array(halves.buffer))), halves);
});

Deno.test("toBfloat() rounds to the nearest bfloat16, halfway cases to the even one", () => {
  const step = 2 ** -7; // between the bfloat16s from 1 to 2
  const cases: [given: number, expected: number][] = [
    [1 + 0.49 * step, 1],
    [1 + 0.51 * step, 1 + step],
    [1 + 0.5 * step, 1],
    [1 + 1.5 * step, 1 + 2 * step],
    [-1 - 1.5 * step, -1 - 2 * step],
    [3.39e38, (2 - step) * 2 ** 127],
    [3.4e38, Infinity],
    [-3.4e38, -Infinity],
    [2 ** -133, 2 ** -133],
    [-0, -0],
    [NaN, NaN],
  ];
  const halves = toBfloat(Float32Array.from(cases, ([given]) => given));
  assert.deepEqual(
    [...toFloat32("BF16", new Uint8Array(halves.buffer))],
    cases.map(([, expected]) => expected),
  );
  const nan = new Float32Array(Uint32Array.of(0xffffffff, 0x7f800001).buffer);
  const kept = toFloat32("BF16", new Uint8Array(toBfloat(nan).buffer));
  assert.deepEqual([...kept], [NaN, NaN]);
});

Deno.test("toBfloat() keeps every bfloat16 as it is", () => {
  const halves = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits)
    .filter((bits) => (bits & 0x7fff) <= 0x7f80);
  assert.deepEqual(toBfloat(toFloat32("BF16", new Uint8Array(halves.buffer))), halves);
});

Deno.test("toFloat32() converts bfloat16 as the upper half of a float", () => {
  const halves = new Uint16Array([0x3f80, 0xc000, 0x7f80, 0x8000, 0x0001]);
  assert.deepEqual([...toFloat32("BF16", new Uint8Array(halves.buffer))], [
    1,
    -2,
    Infinity,
    -0,
    2 ** -133,
  ]);
});

Deno.test("toFloat32() converts every other format when it holds small whole numbers", () => {
  const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer);
  const cases = [
    ["F64", new Float64Array([1, -2])],
    ["I64", new BigInt64Array([1n, -2n])],
    ["I32", new Int32Array([1, -2])],
    ["I16", new Int16Array([1, -2])],
    ["I8", new Int8Array([1, -2])],
  ] as const;
  for (const [dtype, array] of cases) {
    assert.deepEqual([...toFloat32(dtype, bytesOf(array))], [1, -2]);
  }
  assert.deepEqual([...toFloat32("U32", bytesOf(new Uint32Array([3_000_000_000])))], [3e9]);
  assert.deepEqual([...toFloat32("U16", bytesOf(new Uint16Array([65535])))], [65535]);
  assert.deepEqual([...toFloat32("U8", new Uint8Array([255]))], [255]);
  assert.deepEqual([...toFloat32("BOOL", new Uint8Array([0, 1]))], [0, 1]);
});

Deno.test("toFloat32() copies when the bytes start at an odd address", () => {
  fc.assert(fc.property(float32s, (floats) => {
    const shifted = new Uint8Array(floats.byteLength + 1);
    shifted.set(new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength), 1);
    const copy = toFloat32("F32", shifted.subarray(1));
    assert.deepEqual(copy, Float32Array.from(floats));
    assert.notEqual(copy.buffer, shifted.buffer);
  }));
});

Deno.test("toFloat32() throws RangeError when the bytes are not whole numbers", () => {
  assert.throws(() => toFloat32("F32", new Uint8Array(6)), {
    name: "RangeError",
    message: "Cannot convert F32 to floats: expected a multiple of 4 bytes, got 6",
  });
});

const model = new URL("../../../shared/models/tinystories-656k/model.safetensors", import.meta.url);

function isPresent(file: URL): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}

Deno.test({
  name: "encodeSafetensors() keeps every tensor of a published model (tinystories-656k)",
  ignore: !isPresent(model),
  fn() {
    const { tensors, metadata } = decodeSafetensors(Deno.readFileSync(model));
    assert(tensors.size > 0);
    const inputs = [...tensors].map(([name, { dtype, shape, bytes }]) => {
      assert.equal(dtype, "F32");
      return { name, shape, data: toFloat32(dtype, bytes) };
    });
    const again = decodeSafetensors(encodeSafetensors(inputs, metadata));
    assert.deepEqual(again.metadata, metadata);
    for (const { name, shape, data } of inputs) {
      const tensor = again.tensors.get(name)!;
      assert.deepEqual(tensor.shape, shape);
      assert.deepEqual(toFloat32(tensor.dtype, tensor.bytes), data);
    }
  },
});
