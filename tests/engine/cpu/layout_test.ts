import assert from "node:assert/strict";
import { layOut, tensorView } from "../../../src/engine/cpu/layout.ts";
import { planMemory } from "../../../src/engine/plan.ts";
import { bufferTensor, createProgram, sliceTensor } from "../../../src/engine/program.ts";

Deno.test("layOut() gives every buffer and thread memory of its own, by cache lines", () => {
  const program = createProgram("p");
  bufferTensor(program, "weight", "a", [17]);
  bufferTensor(program, "input", "b", [3], "u32");
  bufferTensor(program, "state", "c", [1000]);
  const layout = layOut(planMemory([program]), [100, 3000]);
  const starts = [
    layout.control,
    ...layout.scratch.map(({ address }) => address),
    ...[...layout.buffers.values()].map(({ address }) => address),
  ];
  assert.ok(starts.every((address) => address % 64 === 0));
  assert.equal(new Set(starts).size, 6);
  const [first, second] = layout.scratch;
  assert.deepEqual([first.bytes, second.bytes], [100, 3000]);
  assert.equal(second.address - first.address, 128);
  const [a, b, c] = [..."abc"].map((name) => layout.buffers.get(name)!.address);
  assert.equal(b - a, 128);
  assert.equal(c - b, 64);
  assert.ok(65536 * layout.pages >= c + 4000);
});

Deno.test("layOut() fills 4 GiB to the last cache line, and refuses one more", () => {
  const endingAt = (bytes: number) => {
    const program = createProgram("p");
    bufferTensor(program, "weight", "a", [bytes / 4]);
    return layOut(planMemory([program]), [64, 64]);
  };
  const rest = 2 ** 32 - endingAt(64).buffers.get("a")!.address;
  assert.equal(endingAt(rest).pages, 65_536);
  assert.throws(() => endingAt(rest + 64), {
    name: "DeviceMemoryError",
    message:
      "Cannot place programs in the CPU device's memory: expected at most 4 GiB, got 4.0 GiB",
  });
});

Deno.test("tensorView() shows a slice of its buffer", () => {
  const program = createProgram("p");
  const whole = bufferTensor(program, "state", "whole", [128]);
  const slice = sliceTensor(program, "whole", "slice", [2, 3], 64);
  const layout = layOut(planMemory([program]), [0]);
  const memory = new WebAssembly.Memory({
    initial: layout.pages,
    maximum: layout.pages,
    shared: true,
  });
  const [all, part] = [whole, slice].map((tensor) => tensorView(memory, layout, "p", tensor));
  assert.ok(all instanceof Float32Array && part instanceof Float32Array);
  all.set([1, 2, 3, 4, 5, 6, 7], 64);
  assert.deepEqual([...part], [1, 2, 3, 4, 5, 6]);
});
