/** The machine that a benchmark ran on. @module */

import { cpus } from "node:os";
import { describeAdapter, findAdapter, isSoftware } from "../../src/engine/webgpu/adapter.ts";

/** A machine as the results describe it. */
export interface Machine {
  readonly processor: string;
  /** Logical processors. */
  readonly cores: number;
  /** GiB of main memory. */
  readonly memory: number;
  readonly system: string;
  readonly deno: string;
  /** The WebGPU adapter; absent where there is none. */
  readonly adapter?: { readonly description: string; readonly software: boolean };
}

/** Describes this machine. */
export async function describeMachine(): Promise<Machine> {
  const adapter = await findAdapter();
  return {
    processor: cpus()[0]?.model.trim() ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    memory: Number((Deno.systemMemoryInfo().total / 2 ** 30).toFixed(1)),
    system: `${Deno.build.os} ${Deno.osRelease()}`,
    deno: Deno.version.deno,
    ...(adapter &&
      { adapter: { description: describeAdapter(adapter), software: isSoftware(adapter) } }),
  };
}

/** One line. */
export function machineLine(machine: Machine): string {
  const { processor, cores, memory, system, deno, adapter } = machine;
  const kind = adapter?.software ? " (software)" : "";
  const graphics = adapter ? `${adapter.description}${kind}` : "no WebGPU adapter";
  return `${processor}, ${cores} cores, ${memory} GiB, ${system}, Deno ${deno}, ${graphics}`;
}

/** Bytes of the largest resident set so far in the text of Linux's /proc/PID/status; undefined where it does not say. */
export function readPeakMemory(status: string): number | undefined {
  const found = /^VmHWM:\s*(\d+) kB$/m.exec(status);
  return found ? 1024 * Number(found[1]) : undefined;
}
