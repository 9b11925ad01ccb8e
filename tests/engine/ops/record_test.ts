import assert from "node:assert/strict";
import { record } from "../../../src/engine/ops/record.ts";
import { bufferTensor, createProgram } from "../../../src/engine/program.ts";
import { onEveryDevice } from "../devices.ts";
import { normalNumbers } from "../op_testing.ts";

for (const count of [1, 257, 5000]) {
  onEveryDevice(
    `record() writes one row of ${count} and leaves the others when the cursor moves`,
    async (device) => {
      const program = createProgram("recording");
      const x = bufferTensor(program, "input", "x", [count]);
      const cursor = bufferTensor(program, "input", "cursor", [1], "u32");
      record(program, x, cursor, "ring", 3);
      const executor = await device.load([program]);
      try {
        const rows = [0, 1, 2, 3].map((row) => normalNumbers(`row ${row}`, count));
        const write = (values: Float32Array, row: number) => {
          executor.write("x", values);
          executor.write("cursor", Uint32Array.of(row));
          executor.run("recording");
        };
        write(rows[0], 0);
        write(rows[2], 2);
        assert.deepEqual(
          await executor.read("ring"),
          concat(rows[0], new Float32Array(count), rows[2]),
        );
        write(rows[1], 1);
        assert.deepEqual(await executor.read("ring"), concat(rows[0], rows[1], rows[2]));
        assert.deepEqual(await executor.read("ring", count, count), rows[1]);
        // A cursor past the end stays within the ring: it overwrites the last row.
        write(rows[3], 7);
        assert.deepEqual(await executor.read("ring"), concat(rows[0], rows[1], rows[3]));
      } finally {
        await executor.close();
      }
    },
  );
}

function concat(...parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}
