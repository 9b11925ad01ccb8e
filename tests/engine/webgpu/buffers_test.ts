import assert from "node:assert/strict";
import { planMemory } from "../../../src/engine/plan.ts";
import { bufferTensor, createProgram } from "../../../src/engine/program.ts";
import { createBuffers, createScratch, createUpload } from "../../../src/engine/webgpu/buffers.ts";

/** A queue that notes what it is given: [first byte in the buffer, first element of the data, elements], or "submit". */
function notingQueue() {
  const notes: ([offset: number, first: number, length: number] | "submit")[] = [];
  const queue = {
    writeBuffer: (_: GPUBuffer, offset: number, __: unknown, first: number, length: number) => {
      notes.push([offset, first, length]);
    },
    submit: () => {
      notes.push("submit");
    },
  };
  return { notes, upload: createUpload({ queue: queue as unknown as GPUQueue }) };
}

const buffer = {} as GPUBuffer;
const MEBI = 2 ** 20;

Deno.test("createUpload() submits whenever 16 MiB are waiting, of one write or of several", () => {
  const { notes, upload } = notingQueue();
  upload(buffer, new Float32Array(3 * MEBI), 0);
  upload(buffer, new Uint32Array(6 * MEBI), 5);
  upload(buffer, new Float32Array(2), 7);
  assert.deepEqual(notes, [
    [0, 0, 3 * MEBI],
    [4 * 5, 0, MEBI],
    "submit",
    [4 * (5 + MEBI), MEBI, 4 * MEBI],
    "submit",
    [4 * (5 + 5 * MEBI), 5 * MEBI, MEBI],
    [4 * 7, 0, 2],
  ]);
});

Deno.test("createUpload() writes nothing of nothing", () => {
  const { notes, upload } = notingQueue();
  upload(buffer, new Float32Array(0), 3);
  assert.deepEqual(notes, []);
});

/** A device with so many bytes, and the labels of the buffers that are there. What is beyond it is an error of the scope that asks for such, if one does. */
function smallDevice(bytes: number) {
  const there = new Set<string>();
  const scopes: { readonly filter: GPUErrorFilter; error: GPUError | null }[] = [];
  let left = bytes;
  const device = {
    pushErrorScope(filter: GPUErrorFilter) {
      scopes.push({ filter, error: null });
      return undefined;
    },
    popErrorScope: () => Promise.resolve(scopes.pop()!.error),
    createBuffer({ label = "", size }: GPUBufferDescriptor) {
      if (size <= left) {
        left -= size;
        there.add(label);
      } else {
        const scope = scopes.findLast(({ filter }) => filter === "out-of-memory");
        assert.ok(scope, "the device fails");
        scope.error ??= { message: "not enough memory left" };
      }
      return { label, size, destroy: () => there.delete(label) } as unknown as GPUBuffer;
    },
  };
  return { device, there, scopes };
}

/** Buffers of 5 and 3 MiB. */
function twoBuffers() {
  const program = createProgram("two");
  bufferTensor(program, "weight", "x", [5 * MEBI / 4]);
  bufferTensor(program, "state", "y", [3 * MEBI / 4]);
  return planMemory([program]);
}

Deno.test("createBuffers() creates what fits", async () => {
  const { device, there, scopes } = smallDevice(8 * MEBI);
  const { named, slots } = await createBuffers(device, { ...twoBuffers(), slots: [] });
  assert.deepEqual([...named].map(([name, { label, size }]) => [name, label, size]), [
    ["x", "x", 5 * MEBI],
    ["y", "y", 3 * MEBI],
  ]);
  assert.deepEqual(slots, []);
  assert.deepEqual([...there], ["x", "y"]);
  assert.deepEqual(scopes, []);
});

Deno.test("createBuffers() throws DeviceMemoryError and leaves nothing when memory does not suffice, for slots too", async () => {
  const { device, there, scopes } = smallDevice(9 * MEBI);
  await assert.rejects(createBuffers(device, { ...twoBuffers(), slots: [MEBI, MEBI / 8] }), {
    name: "DeviceMemoryError",
    message: "Cannot allocate 13 MiB on the WebGPU device: it has not so much memory left",
  });
  assert.deepEqual([...there], []);
  assert.deepEqual(scopes, []);
});

Deno.test("createScratch() creates nothing of nothing, and throws DeviceMemoryError for too much", async () => {
  const { device } = smallDevice(2 * MEBI);
  assert.equal(await createScratch(device, 0), undefined);
  assert.equal((await createScratch(device, MEBI / 4))?.size, MEBI);
  await assert.rejects(createScratch(device, MEBI / 2), {
    name: "DeviceMemoryError",
    message: "Cannot allocate 2 MiB on the WebGPU device: it has not so much memory left",
  });
});
