import assert from "node:assert/strict";
import { openDevice } from "../../../src/engine/webgpu/adapter.ts";
import {
  createPipelineCache,
  type PipelineCache,
  ShaderError,
  variantName,
} from "../../../src/engine/webgpu/pipelines.ts";
import { testDevices } from "../devices.ts";

const ignore = testDevices.find(({ name }) => name === "webgpu")!.ignore;

const kernel = (body: string) =>
  `@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
override WIDTH: u32 = 1u;
//#if TWICE
const factor: f32 = 2.0;
//#endif
@compute @workgroup_size(WIDTH)
fn main() {
  ${body}
}`;

function withCache(name: string, body: (cache: PipelineCache) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      const { device } = await openDevice();
      try {
        await body(createPipelineCache(device));
      } finally {
        device.destroy();
      }
    },
  });
}

withCache(
  "check() shows the message and the numbered source when a kernel does not compile",
  async (cache) => {
    cache.get("fine", { source: kernel("y[0] = 1.0;"), workgroups: 1 });
    cache.get("broken", {
      source: kernel("y[0] = factor * missing_name;"),
      features: ["TWICE"],
      constants: { WIDTH: 4 },
      workgroups: 1,
    });
    await assert.rejects(cache.check(), (error: Error) => {
      assert.ok(error instanceof ShaderError);
      assert.match(error.message, /^Cannot compile kernel "broken twice WIDTH=4": /);
      assert.match(error.message, /missing_name/);
      assert.match(error.message, /^ {3}6 \| {3}y\[0\] = factor \* missing_name;$/m);
      return true;
    });
  },
);

withCache("get() compiles once when text, features and constants agree", async (cache) => {
  const source = kernel("y[0] = f32(WIDTH);");
  const get = (width: number, features: string[] = []) =>
    cache.get("kernel", { source, features, constants: { WIDTH: width }, workgroups: 1 });
  assert.equal(get(2), get(2));
  assert.notEqual(get(2), get(4));
  assert.notEqual(get(2), get(2, ["TWICE"]));
  await cache.check();
});

withCache("get() ignores a constant when the kernel does not declare it", async (cache) => {
  const constants = { LANES: 64, WIDTH: 2 };
  cache.get("kernel", { source: kernel("y[0] = 1.0;"), constants, workgroups: 1 });
  await cache.check();
});

Deno.test("variantName() says features and constants after the name", () => {
  const call = { source: "", workgroups: 1 };
  assert.equal(variantName("add", call), "add");
  assert.equal(
    variantName("matmul", {
      ...call,
      features: ["BIAS", "LOW_RANK"],
      constants: { ROW_LANES: 8 },
    }),
    "matmul bias low_rank ROW_LANES=8",
  );
});
