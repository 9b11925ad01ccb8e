/** Nodes as dispatches: what is bound, in how many pieces, and how a list of them is encoded. @module */

import type { Cost, KernelCall, TensorPart } from "../op.ts";
import { operation } from "../ops/registry.ts";
import type { Pass } from "../profile/gpu_times.ts";
import { elementBytes, elementsBytes, type Node } from "../program.ts";
import { bindTensor, type Buffers, checkSize } from "./buffers.ts";
import { packParams } from "./params.ts";
import type { PipelineCache } from "./pipelines.ts";

/** Most workgroups along one axis, by WebGPU's default limits. */
const MAX_WORKGROUPS = 65535;

/** One dispatch, ready to encode. */
export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly x: number;
  readonly y: number;
  /** The kernel's variant. */
  readonly kernel: string;
  /** Its share of the work of the node, or of what it does beside the node's own kernel. */
  readonly cost: Cost;
  /** What it takes at most, by the pace that is sure. */
  readonly seconds: number;
}

/** How dispatches are kept short, because drivers take a GPU that is silent for long to be dead and reset it. */
export interface Pace {
  /** Arithmetic and traffic that any adapter of this kind surely reaches. */
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
  /** What a dispatch, and a command buffer of several, may take. */
  readonly seconds: number;
}

/** A pace that even a slow adapter keeps. */
export function surePace(software: boolean, seconds: number): Pace {
  return software
    ? { flopsPerSecond: 1e9, bytesPerSecond: 5e8, seconds }
    : { flopsPerSecond: 5e10, bytesPerSecond: 5e9, seconds };
}

/** A pace that an adapter surely keeps that was once measured at so much arithmetic, on average over several nodes. */
export function measuredPace(flopsPerSecond: number, seconds: number): Pace {
  // A node may be slower than the average, and the adapter busy or hot later on. 20 operations a byte is more than most adapters offer.
  const sure = flopsPerSecond / 4;
  return { flopsPerSecond: sure, bytesPerSecond: sure / 20, seconds };
}

/** What nodes are recorded with. */
export interface Recorder {
  readonly device: GPUDevice;
  readonly cache: PipelineCache;
  readonly buffers: Buffers;
  /** Working memory of dispatches, at least of the size that their calls ask for. */
  readonly scratch: GPUBuffer | undefined;
  readonly pace: Pace;
  /** Bytes of a buffer that a dispatch can bind. */
  readonly largestBinding: number;
}

/** The calls of a node, of a variant where its operation has several, with tables cut where they are larger than can be bound. */
export function callsOf(
  node: Node,
  variant?: string,
  largestBinding?: number,
): readonly KernelCall[] {
  const calls = operation(node.op).kernel(node, variant, largestBinding);
  return "source" in calls ? [calls] : calls;
}

/** The dispatches of a node; `slots` of its program, by tensor id. */
export function recordNode(
  recorder: Recorder,
  node: Node,
  slots: ReadonlyMap<number, number>,
  variant?: string,
): Dispatch[] {
  const tensors = [...node.inputs, ...node.outputs]
    .map((tensor) => bindTensor(tensor, recorder.buffers, slots));
  checkHazards(node, tensors);
  const cost = operation(node.op).cost(node);
  return callsOf(node, variant, recorder.largestBinding).flatMap((call) =>
    recordCall(recorder, node, call, tensors, call.cost ?? cost)
  );
}

function recordCall(
  recorder: Recorder,
  node: Node,
  call: KernelCall,
  tensors: readonly GPUBufferBinding[],
  cost: Cost,
): Dispatch[] {
  const pieces = cut(call, cost, recorder.pace);
  const features = pieces.length > 1
    ? ["FIRST_WORKGROUP", ...call.features ?? []]
    : call.features ?? [];
  const name = call.name ?? node.op;
  const { name: kernel, pipeline, layout, fields } = recorder.cache.get(name, {
    ...call,
    features,
  });
  const bindings = call.bindings ?? tensors.map((_, position) => position);
  const bound = bindings.map((binding): GPUBufferBinding =>
    binding === "scratch"
      ? { buffer: recorder.scratch! }
      : partOf(typeof binding === "number" ? { tensor: binding, first: 0 } : binding)
  );
  if (fields.length > 0) bound.push(uniform(recorder, packParams(fields, call.params ?? {})));
  function partOf({ tensor, first, length }: TensorPart): GPUBufferBinding {
    const { name, dtype } = [...node.inputs, ...node.outputs][tensor];
    const { buffer, offset = 0, size = 0 } = tensors[tensor];
    const skipped = elementBytes(dtype) * first;
    const bytes = length === undefined ? size - skipped : elementsBytes(dtype, length);
    checkSize(name, bytes, recorder.largestBinding);
    return { buffer, offset: offset + skipped, size: bytes };
  }
  return pieces.map(({ first, count }) => {
    const resources = pieces.length > 1
      ? [uniform(recorder, new Uint8Array(Uint32Array.of(first, 0, 0, 0).buffer)), ...bound]
      : bound;
    const bindGroup = recorder.device.createBindGroup({
      label: kernel,
      layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    const share = count / call.workgroups;
    const work = { flops: cost.flops * share, bytes: cost.bytes * share };
    return {
      kernel,
      pipeline,
      bindGroup,
      x: Math.min(count, MAX_WORKGROUPS),
      y: Math.ceil(count / MAX_WORKGROUPS),
      cost: work,
      seconds: secondsOf(work, recorder.pace),
    };
  });
}

/** Workgroups of a call, cut so that no piece takes longer than the pace allows. Pieces above the limit of one axis are whole rows of it. */
function cut(
  { source, workgroups }: KernelCall,
  cost: Cost,
  pace: Pace,
): { first: number; count: number }[] {
  const pieces = Math.ceil(secondsOf(cost, pace) / pace.seconds);
  let size = Math.ceil(workgroups / Math.max(1, pieces));
  if (size > MAX_WORKGROUPS) size -= size % MAX_WORKGROUPS;
  // A kernel of one workgroup has no number for it.
  if (size >= workgroups || !source.includes("FIRST_WORKGROUP")) {
    return [{ first: 0, count: workgroups }];
  }
  return Array.from({ length: Math.ceil(workgroups / size) }, (_, i) => ({
    first: i * size,
    count: Math.min(size, workgroups - i * size),
  }));
}

function secondsOf({ flops, bytes }: Cost, { flopsPerSecond, bytesPerSecond }: Pace): number {
  return flops / flopsPerSecond + bytes / bytesPerSecond;
}

function uniform({ device }: Recorder, bytes: Uint8Array<ArrayBuffer>): GPUBufferBinding {
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ label: "params", size: bytes.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, bytes);
  return { buffer };
}

/** WebGPU refuses a buffer bound for reading and for writing in one dispatch, even on disjoint ranges. */
function checkHazards(node: Node, bindings: readonly GPUBufferBinding[]): void {
  const read = new Set(bindings.slice(0, node.inputs.length).map(({ buffer }) => buffer));
  const clash = bindings.slice(node.inputs.length).findIndex(({ buffer }) => read.has(buffer));
  if (clash >= 0) {
    throw new Error(
      `Cannot record ${node.op}: "${
        node.outputs[clash].name
      }" shares a buffer with one of its inputs`,
    );
  }
}

/** Command buffers for passes, each within `seconds` where its dispatches allow. The timestamps of a pass that is cut span all its pieces. */
export function encode(
  device: GPUDevice,
  passes: readonly Pass<Dispatch>[],
  seconds: number,
): GPUCommandBuffer[] {
  const commands: GPUCommandBuffer[] = [];
  let encoder = device.createCommandEncoder();
  let taken = 0;
  for (const { dispatches, timestampWrites } of passes) {
    const pieces = cutList(dispatches, seconds, taken);
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) {
        commands.push(encoder.finish());
        encoder = device.createCommandEncoder();
        taken = 0;
      }
      const last = i === pieces.length - 1;
      const writes = timestampWrites && timestampsOf(timestampWrites, i === 0, last);
      encodePass(encoder.beginComputePass(writes && { timestampWrites: writes }), piece);
      taken += secondsTogether(piece);
    }
  }
  commands.push(encoder.finish());
  return commands;
}

/** Dispatches in pieces of at most `seconds`; the first one joins work that takes `taken`, and may be empty. */
function cutList(
  dispatches: readonly Dispatch[],
  seconds: number,
  taken: number,
): (readonly Dispatch[])[] {
  if (taken + secondsTogether(dispatches) <= seconds) return [dispatches];
  const pieces: Dispatch[][] = [[]];
  let total = taken;
  for (const dispatch of dispatches) {
    if (total > 0 && total + dispatch.seconds > seconds) {
      pieces.push([]);
      total = 0;
    }
    pieces[pieces.length - 1].push(dispatch);
    total += dispatch.seconds;
  }
  return pieces;
}

function secondsTogether(dispatches: readonly Dispatch[]): number {
  return dispatches.reduce((sum, { seconds }) => sum + seconds, 0);
}

function timestampsOf(
  { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex }: GPUComputePassTimestampWrites,
  first: boolean,
  last: boolean,
): GPUComputePassTimestampWrites | undefined {
  if (!first && !last) return undefined;
  return {
    querySet,
    ...(first && beginningOfPassWriteIndex !== undefined && { beginningOfPassWriteIndex }),
    ...(last && endOfPassWriteIndex !== undefined && { endOfPassWriteIndex }),
  };
}

function encodePass(pass: GPUComputePassEncoder, dispatches: readonly Dispatch[]): void {
  let current: GPUComputePipeline | undefined;
  for (const { pipeline, bindGroup, x, y } of dispatches) {
    if (pipeline !== current) pass.setPipeline(current = pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(x, y);
  }
  pass.end();
}
