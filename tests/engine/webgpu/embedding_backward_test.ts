/** How long the gradient of an embedding takes, and that cutting it changes nothing. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import { gradients, placeIn } from "../../../src/engine/gradients.ts";
import { embedding } from "../../../src/engine/ops/embedding.ts";
import { bufferTensor, createProgram, type Program } from "../../../src/engine/program.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
import { callsOf, surePace } from "../../../src/engine/webgpu/dispatch.ts";
import { testDevices } from "../devices.ts";
import { normalNumbers, wholeNumbers } from "../op_testing.ts";
import { runProgram } from "../run_program.ts";

/** The gradient of N rows of a table [V,C]. */
function gradientProgram(V: number, C: number, N: number): Program {
  const program = createProgram("gradient");
  const table = bufferTensor(program, "input", "table", [V, C]);
  const ids = bufferTensor(program, "input", "ids", [N], "u32");
  const dy = bufferTensor(program, "input", "dy", [N, C]);
  const rows = embedding(program, table, ids);
  placeIn(program, gradients(program, rows, [table], dy), [
    bufferTensor(program, "output", "dtable", [V, C]),
  ]);
  return program;
}

const backwardOf = ({ nodes }: Program) => nodes.find(({ op }) => op === "embedding_backward")!;

Deno.test("embedding_backward states that every workgroup reads all ids, once", () => {
  const [B, T, C] = [8, 1024, 2048];
  const ids = B * (T - 1);
  const [{ workgroups, cost }] = callsOf(backwardOf(gradientProgram(B * T, C, ids)));
  assert.equal(workgroups, B * T * 4);
  assert.equal(cost!.flops, ids * C + workgroups * ids);
  assert.equal(cost!.bytes, 4 * (ids + ids * C + B * T * C + workgroups * ids));
});

Deno.test({
  name: "embedding_backward gives the CPU's bytes, whole and cut into pieces",
  ignore: testDevices.find(({ name }) => name === "webgpu")!.ignore,
  async fn() {
    const [V, C, N] = [130, 600, 3000];
    const program = gradientProgram(V, C, N);
    const inputs = {
      table: new Float32Array(V * C),
      // The last rows of the table are named by none.
      ids: wholeNumbers("ids", N, V - 10),
      dy: normalNumbers("dy", N * C),
    };
    const whole = await createWebgpuDevice({ measure: false });
    const pace = surePace(whole.info.software!, 1);
    const { flops, bytes } = callsOf(backwardOf(program))[0].cost!;
    const seconds = flops / pace.flopsPerSecond + bytes / pace.bytesPerSecond;
    const cut = await createWebgpuDevice({ measure: false, longestSeconds: seconds / 5 });
    const [expected, ...actual] = await Promise.all(
      [createCpuDevice({ threads: 1 }), whole, cut]
        .map((device) => runProgram(device, program, inputs, ["dtable"])),
    );
    assert.ok(expected.dtable.some((value) => value !== 0));
    for (const { dtable } of actual) assert.deepEqual(dtable, expected.dtable);
  },
});
