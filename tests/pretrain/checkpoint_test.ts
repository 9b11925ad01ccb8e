import assert from "node:assert/strict";
import { type PackedLayout, packLayout } from "../../src/lora/layout.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/pretrain/checkpoint.ts";
import type { PretrainState } from "../../src/pretrain/trainer.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { encodeSafetensors, SafetensorsError } from "../../src/protocol/safetensors.ts";

const tensor = (name: string, ...shape: number[]) => ({ name, shape, deviation: 0 });
const tensors = [tensor("a.weight", 3, 5), tensor("a.bias", 3)];
const layout = packLayout([], 0, tensors);

/** A state with numbers of its own at every element that belongs to a tensor. */
function stateOf({ head, headSlices, length }: PackedLayout): PretrainState {
  const parameters = new Float32Array(length), moments = new Float32Array(2 * length);
  head.forEach(({ shape }, i) => {
    const { offset } = headSlices[i];
    const count = shape.reduce((product, size) => product * size, 1);
    for (let j = offset; j < offset + count; j++) {
      parameters[j] = Math.sin(j);
      moments[2 * j] = Math.cos(j);
      moments[2 * j + 1] = j * 1e-8;
    }
  });
  return { steps: 1234, parameters, moments };
}

Deno.test("decodeCheckpoint() restores what encodeCheckpoint() wrote", () => {
  const state = stateOf(layout);
  assert.deepEqual(decodeCheckpoint(layout, encodeCheckpoint(layout, state)), state);
});

Deno.test("decodeCheckpoint() refuses a checkpoint of another shape, naming a tensor", () => {
  const refused = (other: PackedLayout, message: RegExp) => {
    const file = encodeCheckpoint(other, stateOf(other));
    assert.throws(
      () => decodeCheckpoint(layout, file),
      (error) => error instanceof UserError && message.test(error.message),
    );
  };
  refused(
    packLayout([], 0, [tensor("a.weight", 3, 6), tensors[1]]),
    /"a\.weight" \[3, 5\], got \[3, 6\]/,
  );
  refused(packLayout([], 0, [tensors[0]]), /"a\.bias" \[3\], got none/);
  refused(
    packLayout([], 0, [...tensors, tensor("b.weight", 2, 2)]),
    /expected 4 tensors, got 6/,
  );
});

Deno.test("decodeCheckpoint() refuses what is no checkpoint", () => {
  const file = encodeCheckpoint(layout, stateOf(layout));
  for (const end of [file.length - 1, 20, 0]) {
    assert.throws(() => decodeCheckpoint(layout, file.subarray(0, end)), SafetensorsError);
  }
  for (const metadata of [{}, { kind: "hafl-pretraining", steps: "many" }]) {
    const other = encodeSafetensors(
      [{ name: "a.bias", shape: [3], data: new Float32Array(3) }],
      metadata as Record<string, string>,
    );
    assert.throws(() => decodeCheckpoint(layout, other), /not one of a pretraining/);
  }
});
