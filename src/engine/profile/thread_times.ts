/** Times of a CPU device's nodes, kept by its threads in shared memory. @module */

import type { Lookup } from "../cpu/thread.ts";
import type { Program } from "../program.ts";
import type { ProgramProfile } from "./profile.ts";
import type { NodeTimes } from "./profiled_executor.ts";

/** What a thread calls while it runs a program. */
export interface NodeClock {
  /** The run begins. */
  start(): void;
  /** The thread begins its part of a node. */
  work(): void;
  /** The thread has done its part of the node at a position. */
  rest(position: number): void;
  /** All threads have done theirs, where they share the node. */
  end(position: number): void;
}

/** Milliseconds of each node of a program: [threads, nodes] at work, then [nodes] by the calling thread from node to node. */
interface Times {
  readonly busy: readonly Float64Array[];
  readonly elapsed: Float64Array;
}

/** Memory for the times of some programs. */
export function createThreadTimes(
  programs: readonly Program[],
  threads: number,
): SharedArrayBuffer {
  const nodes = programs.reduce((sum, program) => sum + program.nodes.length, 0);
  return new SharedArrayBuffer(8 * nodes * (threads + 1));
}

/** A thread's clocks, one a program. */
export function nodeClocks(
  buffer: SharedArrayBuffer,
  programs: readonly Program[],
  threads: number,
  index: number,
): NodeClock[] {
  return timesOf(buffer, programs, threads).map(({ busy, elapsed }): NodeClock => {
    const own = busy[index];
    let ended = 0;
    let began = 0;
    return {
      start: () => void (ended = performance.now()),
      work: () => void (began = performance.now()),
      rest: (position) => void (own[position] += performance.now() - began),
      end(position) {
        if (index !== 0) return;
        const now = performance.now();
        elapsed[position] += now - ended;
        ended = now;
      },
    };
  });
}

/** What the calling thread makes of the times of all threads. */
export function threadNodeTimes(
  buffer: SharedArrayBuffer,
  programs: readonly Program[],
  threads: number,
  lookup: Lookup,
): NodeTimes {
  const times = timesOf(buffer, programs, threads);
  const calls = programs.map(() => ({ runs: 0, seconds: 0 }));
  const positions = new Map(programs.map(({ name }, position) => [name, position]));
  const profileOf = ({ name, nodes }: Program, position: number): ProgramProfile => {
    const { busy, elapsed } = times[position];
    const { runs, seconds } = calls[position];
    const inNodes = elapsed.reduce((sum, milliseconds) => sum + milliseconds, 0) / 1000;
    return {
      program: name,
      runs,
      encodeSeconds: Math.max(0, seconds - inNodes),
      submitSeconds: 0,
      nodes: nodes.map((node, i) => {
        const working = busy.reduce((sum, thread) => sum + thread[i], 0) / threads;
        return {
          kernel: node.op,
          cost: lookup(node.op).cost(node),
          seconds: elapsed[i] / 1000,
          idleSeconds: Math.max(0, elapsed[i] - working) / 1000,
        };
      }),
    };
  };
  return {
    clock: "threads",
    ran(program, seconds) {
      const call = calls[positions.get(program)!];
      call.runs++;
      call.seconds += seconds;
    },
    settle: () => Promise.resolve(),
    finished() {},
    take() {
      const profiles = programs.map(profileOf).filter(({ runs }) => runs > 0);
      new Float64Array(buffer).fill(0);
      for (const call of calls) call.runs = call.seconds = 0;
      return Promise.resolve(profiles);
    },
  };
}

function timesOf(
  buffer: SharedArrayBuffer,
  programs: readonly Program[],
  threads: number,
): Times[] {
  let start = 0;
  return programs.map(({ nodes }) => {
    const row = (position: number) =>
      new Float64Array(buffer, 8 * (start + position * nodes.length), nodes.length);
    const times = {
      busy: Array.from({ length: threads }, (_, index) => row(index)),
      elapsed: row(threads),
    };
    start += nodes.length * (threads + 1);
    return times;
  });
}
