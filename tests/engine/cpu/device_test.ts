import assert from "node:assert/strict";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import { deal } from "../../../src/engine/cpu/share.ts";
import type { Device } from "../../../src/engine/device.ts";
import { activation } from "../../../src/engine/ops/activation.ts";
import { add } from "../../../src/engine/ops/add.ts";
import { attentionContext, attentionScores } from "../../../src/engine/ops/attention_matmul.ts";
import { linear } from "../../../src/engine/ops/matmul.ts";
import { maskedSoftmax } from "../../../src/engine/ops/masked_softmax.ts";
import { operation } from "../../../src/engine/ops/registry.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../../../src/engine/program.ts";
import { randomStream } from "../../../src/protocol/random.ts";
import { assertClose } from "../../reference/compare.ts";
import { normalNumbers } from "../op_testing.ts";
import { runProgram } from "../run_program.ts";

const B = 4, T = 67, H = 4, C = 128;

/** Attention and a feed-forward layer over x [B, T, C], with sizes that leave edges everywhere. */
function block(): Program {
  const program = createProgram("block");
  const x = bufferTensor(program, "input", "x", [B, T, C]);
  const mask = bufferTensor(program, "input", "mask", [B, T], "u32");
  const weight = (name: string, rows: number, columns: number) =>
    bufferTensor(program, "weight", name, [rows, columns]);
  const [q, k, v] = ["q", "k", "v"].map((name) => linear(program, x, weight(name, C, C)));
  const scores = attentionScores(program, q, k, H, H);
  const p = maskedSoftmax(program, scores, mask, 1 / 4, false);
  const y = add(program, x, attentionContext(program, p, v, H, H));
  const inner = activation(program, "gelu", linear(program, y, weight("up", 173, C)));
  keepAs(program, linear(program, inner, weight("down", C, 173)), "y");
  return program;
}

async function resultOn(device: Device): Promise<Float32Array> {
  const program = block();
  const executor = await device.load([program]);
  const random = randomStream(7, "block");
  for (const { name, dtype, role, length } of program.buffers.values()) {
    if (role === "output") continue;
    executor.write(
      name,
      dtype === "f32"
        ? Float32Array.from({ length }, () => random.uniform() - 0.5)
        : new Uint32Array(length).fill(1),
    );
  }
  for (let i = 0; i < 3; i++) executor.run("block");
  const y = await executor.read("y");
  await executor.close();
  assert.ok(y.some((value) => value !== 0) && y.every(Number.isFinite));
  return y as Float32Array;
}

const bytesOn = async (threads: number) =>
  new Uint32Array((await resultOn(createCpuDevice({ threads }))).buffer);

/** A device as it is created where the runtime has no WebAssembly SIMD. */
function createPlainDevice(threads: number): Device {
  const { validate } = WebAssembly;
  WebAssembly.validate = () => false;
  try {
    return createCpuDevice({ threads });
  } finally {
    WebAssembly.validate = validate;
  }
}

Deno.test("run() computes the same bytes when the number of threads changes", async () => {
  for (const node of block().nodes) {
    const { cost, cpu } = operation(node.op);
    const count = deal(cost(node), cpu.units(node), 3, cpu.bytesPerNanosecond).participants;
    assert.equal(count, 3, `${node.op} is too small to share`);
  }
  const expected = await bytesOn(1);
  for (const threads of [2, 3]) assert.deepEqual(await bytesOn(threads), expected);
});

for (const dtype of ["f32", "f16", "int8"] as const) {
  Deno.test(`a product of one row with ${dtype} computes the same bytes when the number of threads changes`, async () => {
    const [columns, inner] = [1030, 700];
    const program = createProgram("row");
    const x = bufferTensor(program, "input", "x", [1, inner]);
    const w = bufferTensor(program, "weight", "w", [columns, inner], dtype);
    keepAs(program, linear(program, x, w, bufferTensor(program, "weight", "bias", [columns])), "y");
    const [{ op }] = program.nodes;
    const { cost, cpu } = operation(op);
    const dealt = deal(
      cost(program.nodes[0]),
      cpu.units(program.nodes[0]),
      2,
      cpu.bytesPerNanosecond,
    );
    assert.equal(dealt.participants, 2, "it is shared");
    const values = {
      x: normalNumbers("x", inner),
      w: normalNumbers("w", columns * inner),
      bias: normalNumbers("bias", columns),
    };
    const [one, two] = await Promise.all(
      [1, 2].map((threads) => runProgram(createCpuDevice({ threads }), program, values, ["y"])),
    );
    assert.deepEqual(two, one);
  });
}

Deno.test("createCpuDevice() refuses a number of threads that is not a whole number above 0", () => {
  for (const threads of [0, -1, 1.5, NaN]) {
    assert.throws(() => createCpuDevice({ threads }), {
      name: "RangeError",
      message: `Cannot use ${threads} threads: expected a whole number of at least 1`,
    });
  }
});

Deno.test("createCpuDevice() says what it computes with", () => {
  const { info } = createCpuDevice({ threads: 2 });
  assert.equal(info.kind, "cpu");
  assert.equal(info.threads, 2);
  assert.match(info.description, /^CPU, WebAssembly SIMD, /);
});

Deno.test("createCpuDevice() says so and computes all the same without WebAssembly SIMD", async () => {
  const plain = createPlainDevice(2);
  assert.equal(plain.info.description, "CPU, no WebAssembly SIMD");
  const y = await resultOn(plain);
  const expected = await resultOn(createCpuDevice({ threads: 2 }));
  assertClose(y, Float64Array.from(expected), 1e-5, "y");
  assert.notDeepEqual(y, expected, "both were computed by the same code");
});

Deno.test("close() lets the process end when workers ran", async () => {
  const device = new URL("../../../src/engine/cpu/device.ts", import.meta.url).href;
  const program = new URL("../../../src/engine/program.ts", import.meta.url).href;
  const code = `
    import { createCpuDevice } from ${JSON.stringify(device)};
    import { bufferTensor, createProgram } from ${JSON.stringify(program)};
    const empty = createProgram("empty");
    bufferTensor(empty, "state", "x", [1]);
    const executor = await createCpuDevice({ threads: 3 }).load([empty]);
    executor.run("empty");
    await executor.close();
    console.log("closed");`;
  const { code: exit, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    stderr: "inherit",
    signal: AbortSignal.timeout(60_000),
  }).output();
  assert.equal(new TextDecoder().decode(stdout).trim(), "closed");
  assert.equal(exit, 0);
});
