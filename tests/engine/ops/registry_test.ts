import assert from "node:assert/strict";
import { operation, operationNames } from "../../../src/engine/ops/registry.ts";
import type { Node } from "../../../src/engine/program.ts";
import { callsOf } from "../../../src/engine/webgpu/dispatch.ts";
import { paramFields } from "../../../src/engine/webgpu/params.ts";
import { bindingKinds, specialise } from "../../../src/engine/webgpu/shader.ts";
import { decodingProgram } from "../decoding_program.ts";
import { decoderTraining, encoderTraining } from "../training_programs.ts";

const nodes = [encoderTraining().program, decoderTraining().program, decodingProgram()]
  .flatMap((program) => program.nodes);

Deno.test("every operation takes part in a training step, or one of decoding, that both devices run", () => {
  // A new operation belongs in one of these programs, beside a test of its own against an oracle.
  assert.deepEqual([...new Set(nodes.map(({ op }) => op))].sort(), [...operationNames].sort());
});

Deno.test("operation() names what is not registered", () => {
  assert.throws(() => operation("absent"), {
    name: "TypeError",
    message: 'Cannot find operation "absent": it is not registered',
  });
});

/** Runs `body` for each node, naming its operation in what fails. */
function forEachNode(body: (node: Node) => void): void {
  for (const node of nodes) {
    try {
      body(node);
    } catch (error) {
      throw new Error(`${node.op} at "${node.outputs[0].name}"`, { cause: error });
    }
  }
}

Deno.test("kernel() binds a node's inputs, its outputs and the params, in this order", () => {
  forEachNode((node) => {
    for (const { source, features, bindings } of callsOf(node)) {
      if (bindings !== undefined) continue;
      const fields = paramFields(source);
      assert.deepEqual(bindingKinds(specialise(source, features)), [
        ...node.inputs.map(() => "read"),
        ...node.outputs.map(() => "read_write"),
        ...(fields.length > 0 ? ["uniform"] : []),
      ]);
    }
  });
});

Deno.test("kernel() gives every param a value and needs at least one workgroup", () => {
  forEachNode((node) => {
    for (const { source, features, params = {}, workgroups } of callsOf(node)) {
      const names = paramFields(specialise(source, features)).map(({ name }) => name);
      assert.deepEqual(Object.keys(params).sort(), names.sort());
      assert.ok(Number.isInteger(workgroups) && workgroups > 0, `${workgroups} workgroups`);
    }
  });
});

Deno.test("cost() counts at least the bytes of what is written", () => {
  forEachNode((node) => {
    const { flops, bytes } = operation(node.op).cost(node);
    const size = node.outputs[0].shape.reduce((product, axis) => product * axis, 1);
    assert.ok(Number.isInteger(flops) && flops >= 0, `${flops} operations`);
    const written = node.op === "record" ? 0 : 4 * size;
    assert.ok(Number.isInteger(bytes) && bytes >= written, `${bytes} bytes`);
  });
});
