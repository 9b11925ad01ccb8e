import assert from "node:assert/strict";
import fc from "fast-check";
import { openDevice } from "../../../src/engine/webgpu/adapter.ts";
import { packParams, type ParamField, paramFields } from "../../../src/engine/webgpu/params.ts";
import { createPipelineCache } from "../../../src/engine/webgpu/pipelines.ts";
import { testDevices } from "../devices.ts";

const webgpu = testDevices.find(({ name }) => name === "webgpu")!;

Deno.test("paramFields() reads the members of struct Params in order", () => {
  const source = `struct Other { a: f32, }
struct Params {
  count: u32,
  shift: i32,
  scale: f32,
}`;
  assert.deepEqual(paramFields(source), [
    { name: "count", type: "u32" },
    { name: "shift", type: "i32" },
    { name: "scale", type: "f32" },
  ]);
  assert.deepEqual(paramFields("struct Parameters { a: f32, }"), []);
});

Deno.test("paramFields() names a member when it is not a 4-byte scalar", () => {
  assert.throws(() => paramFields("struct Params { ok: u32, size: vec2<u32>, }"), {
    name: "TypeError",
    message: 'Cannot pack parameter "size": expected u32, i32 or f32, got vec2',
  });
});

Deno.test("packParams() writes members 4 bytes apart, little-endian, and rounds up to 16", () => {
  const fields: ParamField[] = [
    { name: "count", type: "u32" },
    { name: "shift", type: "i32" },
    { name: "scale", type: "f32" },
    { name: "last", type: "u32" },
    { name: "more", type: "u32" },
  ];
  const values = { more: 1, scale: 1.5, last: 0xFFFFFFFF, shift: -2, count: 0x01020304 };
  // deno-fmt-ignore
  assert.deepEqual([...packParams(fields, values)], [
    4, 3, 2, 1,  0xFE, 0xFF, 0xFF, 0xFF,  0, 0, 0xC0, 0x3F,  0xFF, 0xFF, 0xFF, 0xFF,
    1, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,
  ]);
  assert.equal(packParams([], {}).length, 0);
  assert.equal(packParams(fields.slice(0, 1), { count: 1 }).length, 16);
});

Deno.test("packParams() names the value when it is missing, unknown or out of range", () => {
  const fields: ParamField[] = [{ name: "count", type: "u32" }, { name: "shift", type: "i32" }];
  assert.throws(() => packParams(fields, { count: 1 }), {
    name: "TypeError",
    message: 'Cannot pack parameters: "shift" has no value',
  });
  assert.throws(() => packParams(fields, { count: 1, shift: 1, rate: 2 }), {
    name: "TypeError",
    message: 'Cannot pack parameter "rate": expected one of count, shift',
  });
  for (const count of [-1, 2 ** 32, 0.5, NaN, Infinity]) {
    assert.throws(() => packParams(fields, { count, shift: 0 }), {
      name: "RangeError",
      message:
        `Cannot pack parameter "count": expected a whole number from 0 to 4294967295, got ${count}`,
    });
  }
  for (const shift of [-(2 ** 31) - 1, 2 ** 31, 1.5]) {
    assert.throws(() => packParams(fields, { count: 0, shift }), RangeError);
  }
});

/** What WGSL finds in the uniform: each member's bits, copied into a storage buffer by a kernel made for these members. */
async function echo(
  device: GPUDevice,
  fields: readonly ParamField[],
  values: Readonly<Record<string, number>>,
): Promise<Uint32Array> {
  const source = `@group(0) @binding(INDEX) var<storage, read_write> y: array<u32>;
struct Params {
${fields.map(({ name, type }) => `  ${name}: ${type},`).join("\n")}
}
@group(0) @binding(INDEX) var<uniform> params: Params;
@compute @workgroup_size(1)
fn main() {
${fields.map(({ name }, i) => `  y[${i}] = bitcast<u32>(params.${name});`).join("\n")}
}`;
  const cache = createPipelineCache(device);
  const { pipeline, layout, fields: read } = cache.get("echo", { source, workgroups: 1 });
  await cache.check();
  const create = (size: number, usage: number) => device.createBuffer({ size, usage });
  const packed = packParams(read, values);
  const uniform = create(packed.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  const y = create(4 * fields.length, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
  const staging = create(4 * fields.length, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  device.queue.writeBuffer(uniform, 0, packed);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [y, uniform].map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(y, 0, staging, 0, 4 * fields.length);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return new Uint32Array(staging.getMappedRange().slice(0));
}

const field = fc.oneof(
  fc.record({ type: fc.constant("u32" as const), value: fc.nat(0xFFFFFFFF) }),
  fc.record({ type: fc.constant("i32" as const), value: fc.integer() }),
  // Subnormal numbers may be flushed to zero by a GPU.
  fc.record({
    type: fc.constant("f32" as const),
    value: fc.float({ noNaN: true, noDefaultInfinity: true })
      .filter((value) => value === 0 || Math.abs(value) > 1e-37),
  }),
);

Deno.test({
  name: "packParams() puts every member where a kernel reads it",
  ignore: webgpu.ignore,
  async fn() {
    const { device } = await openDevice();
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 19 }), async (members) => {
          const fields = members.map(({ type }, i) => ({ name: `member_${i}`, type }));
          const values = Object.fromEntries(members.map(({ value }, i) => [`member_${i}`, value]));
          const expected = members.map(({ type, value }) =>
            type === "f32" ? new Uint32Array(Float32Array.of(value).buffer)[0] : value >>> 0
          );
          assert.deepEqual([...await echo(device, fields, values)], expected);
        }),
        { numRuns: 20 },
      );
    } finally {
      await device.queue.onSubmittedWorkDone();
      device.destroy();
    }
  },
});
