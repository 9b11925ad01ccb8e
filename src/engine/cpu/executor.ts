/** Programs loaded on the CPU device: their memory, the calling thread's part of each run, and the workers. @module */

import type { DeviceInfo, Executor } from "../device.ts";
import { checkHalfWrite } from "../half.ts";
import { checkRowWrite, dequantize, quantizeRows } from "../int8.ts";
import { checkCompact } from "../op.ts";
import { planMemory } from "../plan.ts";
import { profiledExecutor } from "../profile/profiled_executor.ts";
import { createThreadTimes, threadNodeTimes } from "../profile/thread_times.ts";
import { elementBytes, type Program } from "../program.ts";
import { LEAVE } from "./control.ts";
import { allocate, type Layout, layOut, type MemoryView, scalesAt, viewAt } from "./layout.ts";
import { startWorkers } from "./start_workers.ts";
import { createThread, type Lookup, type ThreadSetup } from "./thread.ts";
import { workerMessage } from "./worker_message.ts";
import type { WorkerReport } from "./worker_thread.ts";
import { workingBytes } from "./working_memory.ts";

/** What an executor needs from its surroundings. */
export interface CpuRuntime {
  readonly info: DeviceInfo;
  readonly threads: number;
  /** Whether to keep the times of nodes. */
  readonly profile?: boolean;
  /** The matrix product; absent where the runtime has no WebAssembly SIMD. */
  readonly gemm: WebAssembly.Module | undefined;
  /** Products with one vector, the vector functions and attention; likewise absent. */
  readonly matvec: WebAssembly.Module | undefined;
  readonly vector: WebAssembly.Module | undefined;
  readonly attention: WebAssembly.Module | undefined;
  readonly lookup: Lookup;
  /** Starts a module worker that calls `serveThread`. */
  startWorker(): Worker;
}

/** Places programs in memory and starts the workers; see {@linkcode Executor}. */
export async function loadOnCpu(
  programs: readonly Program[],
  runtime: CpuRuntime,
): Promise<Executor> {
  const { threads, gemm, matvec, vector, attention, lookup } = runtime;
  for (const { op, inputs, outputs } of programs.flatMap(({ nodes }) => nodes)) {
    checkCompact(lookup(op), inputs, outputs);
  }
  const layout = layOut(planMemory(programs), workingBytes(programs, threads, lookup));
  const memory = allocate(layout);
  const modules = { gemm, matvec, vector, attention };
  const times = runtime.profile ? createThreadTimes(programs, threads) : undefined;
  const setup: ThreadSetup = { programs, layout, memory, ...modules, threads, index: 0, times };
  const thread = createThread(setup, lookup);
  const workers = await startWorkers(setup, () => runtime.startWorker(), workerReady);
  const positions = new Map(programs.map((program, position) => [program.name, position]));
  let closed: Promise<void> | undefined;

  const expectOpen = (): void => {
    if (closed !== undefined) throw new Error("Cannot use this executor: it is closed");
  };
  const view = (buffer: string, offset: number, length: number | undefined): MemoryView => {
    expectOpen();
    return bufferView(memory, layout, buffer, offset, length);
  };

  const rowsOf = (buffer: string) => {
    const { spec, address } = layout.buffers.get(buffer)!;
    const width = spec.width!;
    return { spec, width, scales: scalesAt(memory, address, spec.length, width) };
  };

  const executor: Executor = {
    device: runtime.info,
    write(buffer, data, offset = 0) {
      const target = view(buffer, offset, data.length);
      if (target instanceof Uint32Array !== data instanceof Uint32Array) {
        const expected = target instanceof Uint32Array ? "Uint32Array" : "Float32Array";
        throw new TypeError(
          `Cannot write buffer "${buffer}": expected ${expected}, got ${data.constructor.name}`,
        );
      }
      if (isHalves(target)) {
        const { length } = layout.buffers.get(buffer)!.spec;
        checkHalfWrite(buffer, length, data as Float32Array, offset);
      }
      if (target instanceof Int8Array) {
        const { spec, width, scales } = rowsOf(buffer);
        checkRowWrite(spec, data as Float32Array, offset);
        quantizeRows(data as Float32Array, width, target, scales.subarray(offset / width));
      } else target.set(data);
    },
    clear(buffer) {
      const cleared = view(buffer, 0, undefined).fill(0);
      if (cleared instanceof Int8Array) rowsOf(buffer).scales.fill(0);
    },
    run(name) {
      expectOpen();
      const position = positions.get(name);
      if (position === undefined) {
        throw new RangeError(`Cannot run program "${name}": it is not loaded`);
      }
      if (thread.isShared(position)) thread.control.command(position);
      thread.run(position);
      const failure = thread.control.takeFailure();
      if (failure !== undefined) {
        const { op, outputs } = programs[position].nodes[failure.position];
        throw new Error(
          `Cannot run program "${name}": node ${failure.position} (${op}, "${
            outputs[0]?.name ?? "no output"
          }") failed: ${failure.message}`,
        );
      }
    },
    // The work is done by now; errors still come as a rejection.
    // deno-lint-ignore require-await
    async read(buffer, offset = 0, length) {
      const found = view(buffer, offset, length);
      if (found instanceof Int8Array) {
        const { width, scales } = rowsOf(buffer);
        return dequantize(found, scales, width, offset);
      }
      return isHalves(found) ? new Float32Array(found) : found.slice();
    },
    close() {
      if (closed === undefined) {
        const left = workers.map((worker) => nextReport(worker));
        thread.control.command(LEAVE);
        closed = Promise.all(left).then(() => undefined);
      }
      return closed;
    },
  };
  return times === undefined
    ? executor
    : profiledExecutor(executor, threadNodeTimes(times, programs, threads, lookup));
}

async function workerReady(worker: Worker): Promise<void> {
  const report = await nextReport(worker);
  if (report.kind === "failed") throw new Error(report.message);
}

function nextReport(worker: Worker): Promise<WorkerReport> {
  return workerMessage(worker, "Cannot continue on the CPU device");
}

function bufferView(
  memory: WebAssembly.Memory,
  layout: Layout,
  name: string,
  offset: number,
  length: number | undefined,
): MemoryView {
  const buffer = layout.buffers.get(name);
  if (buffer === undefined) {
    throw new RangeError(`Cannot access buffer "${name}": no loaded program declares it`);
  }
  const { spec, address } = buffer;
  const count = length ?? spec.length - offset;
  if (offset < 0 || count < 0 || offset + count > spec.length) {
    throw new RangeError(
      `Cannot access elements [${offset}, ${
        offset + count
      }) of buffer "${name}": it has ${spec.length}`,
    );
  }
  return viewAt(memory, spec.dtype, address + elementBytes(spec.dtype) * offset, count);
}

function isHalves(view: MemoryView): view is Float16Array {
  return view.BYTES_PER_ELEMENT === 2;
}
