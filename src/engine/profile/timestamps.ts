/** Times of compute passes by a GPU's own clock. @module */

import { readBack } from "../webgpu/buffers.ts";

/** Queries a set holds at most, by WebGPU's rules; a pass takes two. */
const QUERIES_PER_SET = 4096;
const TICK_BYTES = 8;
/** Milliseconds over which the GPU's clock is compared with this thread's. */
const COMPARING = 100;

/** Times passes that are not read yet; room for a fixed number of them. */
export interface Timestamps {
  /** Passes that can be timed before the next `read`. */
  room(): number;
  /** What `beginComputePass` takes to time the next pass. RangeError without room. */
  next(): GPUComputePassTimestampWrites;
  /** Seconds of each pass that was given out and submitted since the last `read`, in order; room is full again. */
  read(): Promise<Float64Array>;
}

/**
 * Timestamps for `passes` passes between two reads; undefined where the device was opened without "timestamp-query".
 *
 * WebGPU counts nanoseconds; implementations that pass on the driver's ticks are told by comparison with this thread's clock.
 */
export async function openTimestamps(
  device: GPUDevice,
  passes: number,
): Promise<Timestamps | undefined> {
  if (!device.features.has("timestamp-query")) return undefined;
  const ticks = createTicks(device, passes);
  const unit = await tickSeconds(device, ticks);
  return {
    ...ticks,
    async read() {
      const values = await ticks.read();
      return Float64Array.from(
        { length: values.length / 2 },
        (_, pass) => Math.max(0, unit * Number(values[2 * pass + 1] - values[2 * pass])),
      );
    },
  };
}

interface Ticks extends Omit<Timestamps, "read"> {
  /** Begin and end of each pass. */
  read(): Promise<BigUint64Array>;
}

function createTicks(device: GPUDevice, passes: number): Ticks {
  const count = 2 * passes;
  const sets = Array.from(
    { length: Math.ceil(count / QUERIES_PER_SET) },
    (_, set) =>
      device.createQuerySet({
        type: "timestamp",
        count: Math.min(QUERIES_PER_SET, count - set * QUERIES_PER_SET),
      }),
  );
  const resolved = device.createBuffer({
    size: TICK_BYTES * count,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  let used = 0;
  return {
    room: () => passes - used / 2,
    next() {
      if (used === count) throw new RangeError(`Cannot time more than ${passes} passes at once`);
      const querySet = sets[Math.floor(used / QUERIES_PER_SET)];
      const beginningOfPassWriteIndex = used % QUERIES_PER_SET;
      used += 2;
      return {
        querySet,
        beginningOfPassWriteIndex,
        endOfPassWriteIndex: beginningOfPassWriteIndex + 1,
      };
    },
    async read() {
      const queries = used;
      used = 0;
      if (queries === 0) return new BigUint64Array(0);
      const encoder = device.createCommandEncoder();
      sets.slice(0, Math.ceil(queries / QUERIES_PER_SET)).forEach((set, i) => {
        const first = i * QUERIES_PER_SET;
        const part = Math.min(QUERIES_PER_SET, queries - first);
        encoder.resolveQuerySet(set, 0, part, resolved, TICK_BYTES * first);
      });
      device.queue.submit([encoder.finish()]);
      return new BigUint64Array(await readBack(device, resolved, 0, TICK_BYTES * queries));
    },
  };
}

/** Seconds of a tick: 1e-9, unless this thread's clock says something else altogether. */
async function tickSeconds(device: GPUDevice, ticks: Ticks): Promise<number> {
  const mark = async (): Promise<{ tick: bigint; now: number }> => {
    const encoder = device.createCommandEncoder();
    encoder.beginComputePass({ timestampWrites: ticks.next() }).end();
    device.queue.submit([encoder.finish()]);
    const [tick] = await ticks.read();
    return { tick, now: performance.now() };
  };
  const first = await mark();
  let last = await mark();
  while (last.now - first.now < COMPARING) last = await mark();
  const measured = (last.now - first.now) / 1e3 / Number(last.tick - first.tick);
  return Math.abs(Math.log(measured / 1e-9)) < Math.log(1.5) ? 1e-9 : measured;
}
