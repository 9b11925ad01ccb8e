import assert from "node:assert/strict";
import { planMessage, wholeMessage } from "../../../src/protocol/messages/message_plan.ts";
import { decodeSafetensors } from "../../../src/protocol/safetensors.ts";

const address = { run: "r", round: 2, client: 1 };
const tensor = (name: string, numbers: number[], make = () => Float32Array.from(numbers)) => ({
  name,
  dtype: "F32" as const,
  shape: [numbers.length],
  make,
});

Deno.test("planMessage() knows the sizes before a number is made, and makes tensor by tensor", () => {
  const made: string[] = [];
  const noted = (name: string, numbers: number[]) =>
    tensor(name, numbers, () => {
      made.push(name);
      return Float32Array.from(numbers);
    });
  const plan = planMessage("download", address, {
    lora: [noted("b", [1, 2, 3]), noted("a", [4])],
    head: [noted("c", [5, 6])],
    lists: [],
    metadata: { factors: "b" },
  });
  assert.deepEqual([plan.sizes.lora, plan.sizes.head], [16, 8]);
  assert.deepEqual(made, []);
  const pieces = plan.pieces();
  const header = pieces.next().value!;
  assert.equal(plan.sizes.overhead, header.length);
  for (const name of ["a", "b", "c"]) {
    pieces.next();
    assert.equal(made.at(-1), name);
  }
  assert.equal(pieces.next().done, true);

  const { bytes, sizes } = wholeMessage(plan);
  assert.deepEqual([sizes, bytes.length], [plan.sizes, plan.sizes.total]);
  const { tensors, metadata } = decodeSafetensors(bytes);
  assert.deepEqual(metadata, {
    factors: "b",
    kind: "download",
    run: "r",
    round: "2",
    client: "1",
  });
  assert.deepEqual(tensors.get("a")!.bytes, new Uint8Array(Float32Array.of(4).buffer));
});

Deno.test("planMessage() throws RangeError when a tensor is not of the size that was planned", () => {
  const lora = [tensor("a", [1, 2], () => new Float32Array(3))];
  const plan = planMessage("download", address, { lora, head: [], lists: [] });
  assert.throws(() => wholeMessage(plan), {
    name: "RangeError",
    message: 'Cannot write tensor "a": expected 8 bytes, got 12',
  });
});
