/** What an executor can tell of the time that programs took: plain data. @module */

import type { Cost } from "../op.ts";

/** How nodes were timed: by the calling thread of a CPU device, by the GPU's clock, or not one by one. */
export type ProfileClock = "threads" | "timestamps" | "wall";

/** What ran on an executor since its profile was last taken. */
export interface ExecutorProfile {
  /** How nodes were timed. With "wall" each program has one entry in place of its nodes. */
  readonly clock: ProfileClock;
  /** The programs that ran. */
  readonly programs: readonly ProgramProfile[];
  /** Seconds in calls that write or clear buffers. */
  readonly writeSeconds: number;
  /** Seconds waited for buffers to be read; on a GPU also for the work given before. */
  readonly readSeconds: number;
}

/** A program's runs. */
export interface ProgramProfile {
  /** The program's name. */
  readonly program: string;
  /** How often it ran. */
  readonly runs: number;
  /** Its nodes, in execution order, over all runs. */
  readonly nodes: readonly NodeProfile[];
  /** Seconds to start its runs: encoding on a GPU, waking threads on the CPU. */
  readonly encodeSeconds: number;
  /** Seconds to hand runs to a GPU; most of it is waiting where the runs before fill its queue. */
  readonly submitSeconds: number;
  /** One run on a GPU without a timestamp at each node, on average; absent where there is none. */
  readonly step?: StepTimes;
}

/** Seconds of one run, on this thread and on the GPU. */
export interface StepTimes {
  /** Encoding, and submitting to a queue that has room. */
  readonly encodeSeconds: number;
  /** From the first dispatch to the end of the last. */
  readonly gpuSeconds: number;
}

/** One node over all runs of its program, or one dispatch of a node that takes several. */
export interface NodeProfile {
  /** The operation's name, or the name of the kernel's variant on a GPU. */
  readonly kernel: string;
  /** Work of one run. */
  readonly cost: Cost;
  /** Seconds over all runs; on the CPU those of the calling thread, from the end of the node before to the end of the wait for the other threads. */
  readonly seconds: number;
  /** Of these seconds, those in which a thread had nothing to do, averaged over the threads; 0 on a GPU. */
  readonly idleSeconds: number;
}
