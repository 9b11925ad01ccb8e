/** What every device promises about an executor (src/engine/device.ts). */

import assert from "node:assert/strict";
import type { Device, Executor } from "../../src/engine/device.ts";
import { add } from "../../src/engine/ops/add.ts";
import { record } from "../../src/engine/ops/record.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../../src/engine/program.ts";
import { onEveryDevice } from "./devices.ts";

/** y = x + x, with x [8] and y [8], and a buffer "ids" [4] of u32 beside them. */
function doubling(): Program {
  const program = createProgram("double");
  const x = bufferTensor(program, "input", "x", [8]);
  bufferTensor(program, "input", "ids", [4], "u32");
  keepAs(program, add(program, x, x), "y");
  return program;
}

/** Writes x [1] into row cursor of "ring" [4, 1]. */
function recording(): Program {
  const program = createProgram("record");
  const x = bufferTensor(program, "input", "x", [1]);
  record(program, x, bufferTensor(program, "input", "cursor", [1], "u32"), "ring", 4);
  return program;
}

function onEveryExecutor(
  name: string,
  programs: readonly Program[],
  body: (executor: Executor, device: Device) => Promise<void>,
): void {
  onEveryDevice(name, async (device) => {
    const executor = await device.load(programs);
    try {
      await body(executor, device);
    } finally {
      await executor.close();
    }
  });
}

onEveryExecutor(
  "load() zeroes buffers and knows its device",
  [doubling()],
  async (executor, device) => {
    assert.deepEqual(await executor.read("x"), new Float32Array(8));
    assert.deepEqual(await executor.read("ids"), new Uint32Array(4));
    const { kernels, tuning, ...info } = executor.device;
    assert.deepEqual(info, device.info);
    assert.equal(kernels !== undefined, info.kind === "webgpu", "kernels are named once compiled");
    assert.equal(tuning !== undefined, info.kind === "webgpu", "variants are known once chosen");
  },
);

onEveryExecutor(
  "write(), run() and read() take effect in the order of the calls",
  [recording()],
  async (executor) => {
    const write = (row: number) => {
      executor.write("x", Float32Array.of(10 + row));
      executor.write("cursor", Uint32Array.of(row));
    };
    write(0);
    executor.run("record");
    write(1);
    executor.run("record");
    const early = executor.read("ring");
    write(2);
    executor.run("record");
    write(3); // written, but not run
    assert.deepEqual(await early, Float32Array.of(10, 11, 0, 0));
    assert.deepEqual(await executor.read("ring"), Float32Array.of(10, 11, 12, 0));
    executor.clear("ring");
    executor.run("record");
    assert.deepEqual(await executor.read("ring"), Float32Array.of(0, 0, 0, 13));
  },
);

onEveryExecutor(
  "write() keeps what it was given when the array changes afterwards",
  [doubling()],
  async (executor) => {
    const data = new Float32Array(8).fill(3);
    executor.write("x", data);
    data.fill(4);
    executor.run("double");
    assert.deepEqual(await executor.read("y"), new Float32Array(8).fill(6));
  },
);

onEveryExecutor(
  "read() and write() move a range when one is given",
  [doubling()],
  async (executor) => {
    const numbers = Float32Array.from({ length: 20 }, (_, i) => i);
    executor.write("x", numbers.subarray(10, 13), 5);
    assert.deepEqual(await executor.read("x"), Float32Array.of(0, 0, 0, 0, 0, 10, 11, 12));
    assert.deepEqual(await executor.read("x", 4, 2), Float32Array.of(0, 10));
    assert.deepEqual(await executor.read("x", 6), Float32Array.of(11, 12));
    assert.deepEqual(await executor.read("x", 8), new Float32Array(0));
    executor.write("ids", Uint32Array.of(0xFFFFFFFF), 3);
    assert.deepEqual(await executor.read("ids"), Uint32Array.of(0, 0, 0, 0xFFFFFFFF));
    executor.write("x", new Float32Array(new SharedArrayBuffer(4)).fill(7), 0);
    assert.deepEqual(await executor.read("x", 0, 1), Float32Array.of(7));
  },
);

onEveryExecutor("read() and write() refuse a range that leaves the buffer and work on afterwards", [
  doubling(),
], async (executor) => {
  const refused = { name: "RangeError", message: /"x"/ };
  assert.throws(() => executor.write("x", new Float32Array(9)), refused);
  assert.throws(() => executor.write("x", new Float32Array(3), 6), refused);
  assert.throws(() => executor.write("x", new Float32Array(1), -1), refused);
  await assert.rejects(executor.read("x", 0, 9), refused);
  await assert.rejects(executor.read("x", -1, 2), refused);
  await assert.rejects(executor.read("x", 9), refused);
  assert.deepEqual(await executor.read("x"), new Float32Array(8));
});

onEveryExecutor(
  "write() refuses data of another type than the buffer's",
  [doubling()],
  async (executor) => {
    assert.throws(() => executor.write("ids", Float32Array.of(1)), {
      name: "TypeError",
      message: 'Cannot write buffer "ids": expected Uint32Array, got Float32Array',
    });
    assert.throws(() => executor.write("x", Uint32Array.of(1)), {
      name: "TypeError",
      message: 'Cannot write buffer "x": expected Float32Array, got Uint32Array',
    });
    assert.deepEqual(await executor.read("ids"), new Uint32Array(4));
  },
);

onEveryExecutor(
  "an executor names the buffer or program that it does not know",
  [doubling()],
  async (executor) => {
    const buffer = { name: "RangeError", message: /"absent": no loaded program declares it$/ };
    assert.throws(() => executor.write("absent", new Float32Array(1)), buffer);
    assert.throws(() => executor.clear("absent"), buffer);
    await assert.rejects(executor.read("absent"), buffer);
    assert.throws(() => executor.run("absent"), {
      name: "RangeError",
      message: 'Cannot run program "absent": it is not loaded',
    });
  },
);

onEveryExecutor("programs of one executor share a buffer when they name it alike", [
  doubling(),
  recording(),
], async (executor) => {
  executor.write("x", Float32Array.of(2, 3));
  executor.run("record");
  executor.run("double");
  assert.deepEqual(await executor.read("ring"), Float32Array.of(2, 0, 0, 0));
  assert.deepEqual((await executor.read("y")).subarray(0, 2), Float32Array.of(4, 6));
});

onEveryExecutor(
  "executors of one device do not see each other",
  [doubling()],
  async (executor, device) => {
    const other = await device.load([doubling()]);
    executor.write("x", new Float32Array(8).fill(1));
    assert.deepEqual(await other.read("x"), new Float32Array(8));
    await other.close();
    executor.run("double");
    assert.deepEqual(await executor.read("y"), new Float32Array(8).fill(2));
  },
);

onEveryDevice("close() ends an executor for good and may be called again", async (device) => {
  const executor = await device.load([doubling()]);
  executor.run("double");
  await executor.close();
  await executor.close();
  const closed = { name: "Error", message: "Cannot use this executor: it is closed" };
  assert.throws(() => executor.write("x", new Float32Array(1)), closed);
  assert.throws(() => executor.clear("x"), closed);
  assert.throws(() => executor.run("double"), closed);
  await assert.rejects(executor.read("x"), closed);
});

onEveryDevice("load() refuses two programs of one name", async (device) => {
  await assert.rejects(device.load([doubling(), doubling()]), {
    name: "RangeError",
    message: 'Cannot load two programs named "double": expected unique names',
  });
});

onEveryDevice("close() lets a read finish that was called before it", async (device) => {
  const executor = await device.load([doubling()]);
  executor.write("x", new Float32Array(8).fill(1));
  executor.run("double");
  const y = executor.read("y");
  await executor.close();
  assert.deepEqual(await y, new Float32Array(8).fill(2));
});
