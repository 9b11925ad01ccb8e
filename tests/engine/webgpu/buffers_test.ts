import assert from "node:assert/strict";
import { createUpload } from "../../../src/engine/webgpu/buffers.ts";

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
