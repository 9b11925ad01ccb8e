/** The ceiling of a processor: bare loops on all threads at once. @module */

import { CONTROL_BYTES, LEAVE, openControl } from "../cpu/control.ts";
import { startWorkers } from "../cpu/start_workers.ts";
import { workerMessage } from "../cpu/worker_message.ts";
import type { Bandwidth, Ceiling } from "./ceiling.ts";
import {
  type CeilingLoops,
  compileCeilingLoops,
  FLOPS_PER_TURN,
  openCeilingLoops,
  TRIAD_BYTES,
} from "./cpu_ceiling_kernel.ts";

/** Milliseconds for each measurement: enough for the runtime to compile the loops well, and for a fast pass among slow ones. */
const MEASURING = 200;
/** Bytes of the three vectors together on all threads: what a core's own cache, a group of cores' and no common cache holds. */
const WORKING_SETS = [2 ** 18, 2 ** 22, 192 * 2 ** 20] as const;
/** Work of a pass, so that meeting the other threads is little beside it: some 5 ms of multiply-adds, and at least as many bytes. */
const TURNS = 2 ** 19;
const BYTES_PER_PASS = 2 ** 27;

/** What a thread of the measurement is told; plain data. */
export interface CeilingSetup {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module | undefined;
  readonly threads: number;
  /** Which thread this is; 0 is the calling one. */
  readonly index: number;
}

/**
 * Measures a processor with `threads` threads, the calling one among them, which it blocks meanwhile. Takes less than a second.
 *
 * @param startWorker starts a worker of `ceiling_worker.ts`
 * @throws RangeError unless `threads` is a whole number of at least 1, Error when a worker cannot start.
 */
export async function measureCpuCeiling(
  threads: number,
  startWorker: () => Worker = () =>
    new Worker(new URL("./ceiling_worker.ts", import.meta.url), { type: "module" }),
): Promise<Ceiling> {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(
      `Cannot measure ${threads} threads: expected a whole number of at least 1`,
    );
  }
  const bytes = CONTROL_BYTES + OPERAND_BYTES * threads + WORKING_SETS[WORKING_SETS.length - 1];
  const pages = Math.ceil(bytes / 65536);
  const setup: CeilingSetup = {
    memory: new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }),
    module: compileCeilingLoops(),
    threads,
    index: 0,
  };
  const control = openControl(setup.memory, 0, threads);
  const perform = ceilingThread(setup);
  const workers = await startWorkers(setup, startWorker, nextMessage);
  const fastest = (pass: number): number => {
    let best = Infinity;
    const end = performance.now() + MEASURING;
    while (performance.now() < end) {
      const start = performance.now();
      control.command(pass);
      perform(pass);
      control.barrier();
      best = Math.min(best, performance.now() - start);
    }
    return best / 1000;
  };
  try {
    const flopsPerSecond = threads * TURNS * FLOPS_PER_TURN / fastest(MULTIPLY_ADD);
    const bandwidths = WORKING_SETS.map((workingSet, position): Bandwidth => {
      const { bytes, passes } = triadOf(workingSet, threads);
      return {
        workingSet,
        bytesPerSecond: 3 * bytes * passes * threads / fastest(FIRST_TRIAD + position),
      };
    });
    return { flopsPerSecond, bandwidths };
  } finally {
    const left = workers.map(nextMessage);
    control.command(LEAVE);
    await Promise.all(left);
  }
}

const MULTIPLY_ADD = 0;
const FIRST_TRIAD = 1;
/** The operand and the result of a thread's multiply-adds, on a cache line of their own. */
const OPERAND_BYTES = 64;

/** A thread's part of the measurements: what to do when it is given a command. */
export function ceilingThread({ memory, module, threads, index }: CeilingSetup): (
  command: number,
) => void {
  const loops = openCeilingLoops(memory, module);
  const operand = CONTROL_BYTES + OPERAND_BYTES * index;
  new Float32Array(memory.buffer, operand, 4).fill(0.5);
  return (command) => {
    if (command === MULTIPLY_ADD) loops.multiplyAdd(operand, TURNS);
    else triad(loops, WORKING_SETS[command - FIRST_TRIAD], threads, index);
  };
}

function triad(loops: CeilingLoops, workingSet: number, threads: number, index: number): void {
  const { bytes, passes } = triadOf(workingSet, threads);
  const start = CONTROL_BYTES + OPERAND_BYTES * threads + 3 * bytes * index;
  for (let pass = 0; pass < passes; pass++) {
    loops.triad(start, start + bytes, start + 2 * bytes, bytes);
  }
}

/** Bytes of one vector of a thread, and how often a pass goes over them. */
function triadOf(workingSet: number, threads: number): { bytes: number; passes: number } {
  const bytes = Math.max(1, Math.floor(workingSet / (3 * threads * TRIAD_BYTES))) * TRIAD_BYTES;
  return { bytes, passes: Math.ceil(BYTES_PER_PASS / (3 * bytes * threads)) };
}

function nextMessage(worker: Worker): Promise<unknown> {
  return workerMessage(worker, "Cannot measure the processor");
}
