/** The CPU device: programs run on WebAssembly SIMD and TypeScript, on the calling thread and workers beside it. @module */

import type { Device, DeviceInfo } from "../device.ts";
import { operation } from "../ops/registry.ts";
import { compileAttention } from "./attention_wasm.ts";
import { loadOnCpu } from "./executor.ts";
import { compileGemm } from "./gemm_wasm.ts";
import { compileMatvec } from "./matvec_wasm.ts";
import { compileVector } from "./vector_wasm.ts";

/** Settings of {@linkcode createCpuDevice}. */
export interface CpuDeviceOptions {
  /** Threads to compute with, the calling one included (default: one per logical processor). */
  readonly threads?: number;
  /** Whether executors keep the times of what they run and tell them by `profile` (default: no). */
  readonly profile?: boolean;
}

/**
 * A CPU device. The results of a program are the same for every number of threads. A run blocks the calling thread until it is done.
 *
 * Throws RangeError unless `threads` is a whole number of at least 1.
 *
 * @example
 * ```ts
 * import { createCpuDevice } from "./device.ts";
 * import { bufferTensor, createProgram } from "../program.ts";
 *
 * const program = createProgram("empty");
 * bufferTensor(program, "state", "x", [2, 2]);
 * const executor = await createCpuDevice({ threads: 1 }).load([program]);
 * executor.write("x", Float32Array.of(1, 2, 3, 4));
 * executor.run("empty");
 * if ((await executor.read("x"))[3] !== 4) throw new Error("unreachable");
 * await executor.close();
 * ```
 */
export function createCpuDevice(options: CpuDeviceOptions = {}): Device {
  const threads = options.threads ?? navigator.hardwareConcurrency;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(
      `Cannot use ${threads} threads: expected a whole number of at least 1`,
    );
  }
  const gemm = compileGemm();
  const matvec = compileMatvec();
  const vector = compileVector();
  const attention = compileAttention();
  const products = gemm === undefined
    ? "no WebAssembly SIMD"
    : `WebAssembly SIMD, ${gemm.multiplyAdd} multiply-add`;
  const description = `CPU, ${products}`;
  const info: DeviceInfo = { kind: "cpu", description, threads };
  return {
    info,
    load: (programs) =>
      loadOnCpu(programs, {
        info,
        threads,
        profile: options.profile ?? false,
        gemm: gemm?.module,
        matvec,
        vector,
        attention,
        lookup: operation,
        startWorker: () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }),
      }),
  };
}
