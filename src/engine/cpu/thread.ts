/**
 * One thread of a CPU device: what it does in a run of a program. The calling thread is number 0; the workers are the others.
 *
 * All threads go through the nodes in step. A node too small to share is the calling thread's alone; a barrier stands behind every shared node, and before
 * one that follows nodes which were not shared.
 *
 * @module
 */

import type { CpuArguments, CpuContext, Op } from "../op.ts";
import { type NodeClock, nodeClocks } from "../profile/thread_times.ts";
import type { Node, Program } from "../program.ts";
import { plainAttention } from "./attention_plain.ts";
import { createAttention } from "./attention_wasm.ts";
import { type Control, openControl } from "./control.ts";
import { createPlainGemm } from "./gemm_plain.ts";
import { createGemm } from "./gemm_wasm.ts";
import { type Layout, tensorView } from "./layout.ts";
import { plainMatvec } from "./matvec_plain.ts";
import { createMatvec } from "./matvec_wasm.ts";
import { chunkOf, type Deal, dealNode } from "./share.ts";
import { plainVector } from "./vector_plain.ts";
import { createVector } from "./vector_wasm.ts";

/** What a thread is told when it starts; plain data, sent to workers as it is. */
export interface ThreadSetup {
  readonly programs: readonly Program[];
  readonly layout: Layout;
  readonly memory: WebAssembly.Memory;
  /** The matrix product; absent where the runtime has no WebAssembly SIMD. */
  readonly gemm: WebAssembly.Module | undefined;
  /** Products with one vector, the vector functions and attention; likewise absent. */
  readonly matvec: WebAssembly.Module | undefined;
  readonly vector: WebAssembly.Module | undefined;
  readonly attention: WebAssembly.Module | undefined;
  readonly threads: number;
  /** Which thread this is. */
  readonly index: number;
  /** Where times are kept (`createThreadTimes`); absent unless the programs are profiled. */
  readonly times: SharedArrayBuffer | undefined;
}

/** Finds an operation by name. */
export type Lookup = (name: string) => Op;

/** A thread that is ready to run its programs. */
export interface Thread {
  readonly control: Control;
  /** Whether a program, by position, has nodes for more than one thread. */
  isShared(program: number): boolean;
  /** Does this thread's part of a program, by position. Failures go to `control`. */
  run(program: number): void;
}

interface Step {
  readonly op: Op;
  readonly node: Node;
  readonly tensors: CpuArguments;
  readonly dealt: Deal;
  readonly shared: boolean;
  /** Other threads must wait for the calling thread before this step. */
  readonly waits: boolean;
}

/** Prepares a thread. Throws TypeError for an operation that `lookup` does not know. */
export function createThread(setup: ThreadSetup, lookup: Lookup): Thread {
  const { layout, memory, threads, index } = setup;
  const control = openControl(memory, layout.control, threads);
  const working = layout.scratch[index];
  const gemm = setup.gemm === undefined
    ? createPlainGemm()
    : createGemm(memory, working.address, setup.gemm);
  const matvec = setup.matvec === undefined ? plainMatvec : createMatvec(memory, setup.matvec);
  const vector = setup.vector === undefined ? plainVector : createVector(memory, setup.vector);
  const attention = setup.attention === undefined
    ? plainAttention
    : createAttention(memory, working.address, setup.attention);
  const scratch = new Float32Array(memory.buffer, working.address, working.bytes / 4);
  const context: CpuContext = { gemm, matvec, vector, attention, scratch };
  const programs = setup.programs.map((program) => prepare(program, setup, lookup));
  const clocks = setup.times && nodeClocks(setup.times, setup.programs, threads, index);

  /** This thread's own chunk, likely in its caches from the node before, then whatever the others have not taken. */
  const execute = (
    { op, node, tensors, dealt }: Step,
    position: number,
    clock: NodeClock | undefined,
  ): boolean => {
    const { participants, chunks } = dealt;
    if (index >= participants) return true;
    clock?.work();
    try {
      for (let chunk = index; chunk < chunks;) {
        const { begin, end } = chunkOf(dealt, chunk);
        if (begin < end) op.cpu.run(node, tensors, begin, end, context);
        chunk = chunks > participants ? participants + control.take() : chunks;
      }
      return true;
    } catch (error) {
      control.fail(position, error instanceof Error ? error.message : String(error));
      return false;
    } finally {
      clock?.rest(position);
    }
  };
  /** Waits for all threads; true when they must stop because a node up to `position` failed. */
  const meet = (position: number): boolean => {
    control.barrier();
    if (!control.failedUpTo(position)) return false;
    // The failure may be cleared only after every thread has seen it.
    control.barrier();
    return true;
  };

  return {
    control,
    isShared: (program) => programs[program].some((step) => step.shared),
    run(program) {
      const clock = clocks?.[program];
      let healthy = true;
      clock?.start();
      for (const [position, step] of programs[program].entries()) {
        if (step.waits && meet(position - 1)) return;
        healthy = healthy && execute(step, position, clock);
        if (step.shared && meet(position)) return;
        clock?.end(position);
      }
    },
  };
}

function prepare(program: Program, setup: ThreadSetup, lookup: Lookup): Step[] {
  let alone = false;
  return program.nodes.map((node) => {
    const op = lookup(node.op);
    const dealt = dealNode(op, node, setup.threads);
    const shared = dealt.participants > 1;
    const waits = shared && alone;
    alone = !shared;
    return { op, node, tensors: argumentsOf(program, node, setup), dealt, shared, waits };
  });
}

function argumentsOf(program: Program, node: Node, setup: ThreadSetup): CpuArguments {
  const tensors = [...node.inputs, ...node.outputs];
  const views = tensors.map((tensor) =>
    tensorView(setup.memory, setup.layout, program.name, tensor)
  );
  const refuse = (position: number, expected: string): never => {
    const found = tensors[position];
    throw new TypeError(
      found === undefined
        ? `expected a tensor at position ${position}, got ${tensors.length} tensors`
        : `expected "${found.name}" to be ${expected}, got ${found.dtype}`,
    );
  };
  return {
    f32(position) {
      const view = views[position];
      return view instanceof Float32Array ? view : refuse(position, "f32");
    },
    u32(position) {
      const view = views[position];
      return view instanceof Uint32Array ? view : refuse(position, "u32");
    },
    weight(position) {
      const view = views[position];
      return view === undefined || view instanceof Uint32Array
        ? refuse(position, "f32, f16 or int8")
        : view;
    },
  };
}
