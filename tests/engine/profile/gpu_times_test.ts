/** The books that are kept of a GPU's runs, with a clock that tells numbers of our choice. */

import assert from "node:assert/strict";
import type { TimedNode } from "../../../src/engine/profile/gpu_times.ts";
import { timestampedTimes } from "../../../src/engine/profile/timestamped_times.ts";
import type { Timestamps } from "../../../src/engine/profile/timestamps.ts";
import { wallTimes } from "../../../src/engine/profile/wall_times.ts";

/** A node with more to it than a profile may pass on. */
const node = (kernel: string, flops: number): TimedNode & { pipeline: object } => ({
  kernel,
  cost: { flops, bytes: 0 },
  pipeline: {},
});
const programs = new Map([
  ["train", [node("matmul", 6), node("add", 2)]],
  ["evaluate", [node("matmul", 2)]],
]);

/** Room for `passes` passes; the n-th one ever takes n seconds. */
function countingTimestamps(passes: number): Timestamps {
  let given = 0;
  let read = 0;
  return {
    room: () => passes - (given - read),
    next() {
      given++;
      return {} as GPUComputePassTimestampWrites;
    },
    read() {
      const seconds = Float64Array.from({ length: given - read }, (_, i) => read + i + 1);
      read = given;
      return Promise.resolve(seconds);
    },
  };
}

Deno.test("timestampedTimes() cuts every fourth run into a pass a dispatch, and times the others whole", async () => {
  const times = timestampedTimes(countingTimestamps(100), programs);
  const passes: number[] = [];
  for (let run = 0; run < 5; run++) {
    passes.push(times.passes("train", ["a", "b"]).length);
    times.encoded();
    times.ran("train", 0);
  }
  assert.deepEqual(passes, [2, 1, 1, 1, 2]);
  const [{ runs, nodes, step }] = await times.take();
  assert.equal(runs, 5);
  // Passes 1 and 2, then 6 and 7: the mean of two runs, for five.
  assert.deepEqual(nodes.map(({ seconds }) => seconds), [(1 + 6) / 2 * 5, (2 + 7) / 2 * 5]);
  assert.deepEqual(Object.keys(nodes[0]), ["kernel", "cost", "seconds", "idleSeconds"]);
  assert.equal(step!.gpuSeconds, 4);
});

Deno.test("timestampedTimes() leaves runs untimed where there is no room, until times are fetched", async () => {
  const times = timestampedTimes(countingTimestamps(2), programs);
  const run = () => {
    const [{ timestampWrites }] = times.passes("train", ["a", "b"]);
    times.encoded();
    times.ran("train", 0);
    return timestampWrites !== undefined;
  };
  assert.deepEqual([run(), run()], [true, false]);
  await times.settle();
  assert.equal(run(), true);
  const [{ runs, nodes, step }] = await times.take();
  assert.equal(runs, 3);
  assert.deepEqual(nodes.map(({ seconds }) => seconds), [3, 6]);
  assert.equal(step!.gpuSeconds, 3);
});

Deno.test("timestampedTimes() tells encoding from submitting, which waits for room in the queue", async () => {
  const times = timestampedTimes(countingTimestamps(100), programs);
  for (const [first, second] of [[3, 4], [1, 4], [2, 7]]) {
    times.passes("evaluate", ["a"]);
    times.encoded();
    times.submitted(first);
    times.submitted(second);
    times.ran("evaluate", first + second);
  }
  const [{ encodeSeconds, submitSeconds, step }] = await times.take();
  assert.ok(Math.abs(encodeSeconds + submitSeconds - 21) < 1e-9);
  assert.ok(encodeSeconds < 1);
  assert.ok(
    step!.encodeSeconds > 1.9 && step!.encodeSeconds < 2.5,
    "with two submits as short as the shortest, 1 s",
  );
});

Deno.test("wallTimes() deals the time up to a read over programs by their work", async () => {
  const times = wallTimes(programs);
  for (const program of ["train", "evaluate", "evaluate"]) {
    assert.equal(times.passes(program, ["a"]).length, 1);
    times.encoded();
    times.ran(program, 10);
  }
  times.finished();
  // 8 of 12 operations are training's. Time goes on from the begin of the first run, some 10 s ago.
  const profiles = await times.take();
  const [train, evaluate] = profiles.map(({ nodes }) => nodes[0]);
  assert.deepEqual([train.kernel, train.cost.flops], ["train", 8]);
  assert.ok(Math.abs(train.seconds / evaluate.seconds - 2) < 1e-9);
  assert.ok(train.seconds + evaluate.seconds >= 10);
  assert.deepEqual(await times.take(), []);
});
