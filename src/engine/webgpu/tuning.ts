/** Which variant of a kernel each kind of node gets: known from before, measured within a time limit, or the one preferred unmeasured. @module */

import type { Tuning } from "../device.ts";
import { operation } from "../ops/registry.ts";
import type { MemoryPlan } from "../plan.ts";
import type { Node, Program } from "../program.ts";
import { createScratch } from "./buffers.ts";
import { callsOf, type Recorder, recordNode } from "./dispatch.ts";
import { openStopwatch } from "./stopwatch.ts";

/** Milliseconds that measuring takes at most, but for the kind of node under measurement when they end. */
const MEASURING = 2000;
/** The preferred variant stays unless another one takes less than this share of its time: so close ones do not change places from run to run. */
const CLEARLY_LESS = 0.95;

/** How variants are chosen. */
export interface TuningOptions {
  /** Choices known from before. */
  readonly known: ReadonlyMap<string, string>;
  /** Whether to measure what is not known. */
  readonly measure: boolean;
  /** Whether the adapter is a program on the processor. */
  readonly software: boolean;
  readonly onMeasure?: (done: number, total: number) => void;
}

/** The variant of a node by the choices for all kinds; undefined where its operation has none. */
export function variantOf(node: Node, tuning: Tuning): string | undefined {
  const kind = kindOf(node);
  return kind === undefined ? undefined : tuning[kind];
}

/** Choices, and what was learned of the adapter on the way. */
export interface Choices {
  readonly tuning: Tuning;
  /** Arithmetic of the nodes that were measured; absent where none was. */
  readonly flopsPerSecond?: number;
}

/** Chooses for every kind of node of the programs. Measuring runs nodes on the programs' own buffers, which are zero before and afterwards. */
export async function chooseVariants(
  programs: readonly Program[],
  memory: MemoryPlan,
  recorder: Omit<Recorder, "scratch">,
  { known, measure, software, onMeasure }: TuningOptions,
): Promise<Choices> {
  const kinds = kindsOf(programs);
  const tuning: Record<string, string> = {};
  const open: Measurement[] = [];
  for (const [kind, { node, program, flops }] of kinds) {
    const names = operation(node.op).variants!.suiting(node, software);
    tuning[kind] = known.get(kind) ?? names[0];
    if (measure && !known.has(kind) && names.length > 1) {
      open.push({ kind, node, names, flops, slots: memory.assignments.get(program.name)! });
    }
  }
  if (open.length === 0) return { tuning };
  // What takes most of a step first, in case time runs out.
  open.sort((x, y) => y.flops - x.flops);
  const measured = await measureAll(open, recorder, onMeasure);
  clearAll(recorder);
  return { ...measured, tuning: { ...tuning, ...measured.tuning } };
}

function clearAll({ device, buffers }: Omit<Recorder, "scratch">): void {
  const encoder = device.createCommandEncoder();
  for (const buffer of [...buffers.named.values(), ...buffers.slots]) encoder.clearBuffer(buffer);
  device.queue.submit([encoder.finish()]);
}

interface Kind {
  readonly program: Program;
  readonly node: Node;
  /** Of all nodes of the kind. */
  readonly flops: number;
}

interface Measurement {
  readonly kind: string;
  readonly node: Node;
  readonly names: readonly string[];
  readonly flops: number;
  readonly slots: ReadonlyMap<number, number>;
}

function kindOf(node: Node): string | undefined {
  return operation(node.op).variants?.kindOf(node);
}

function kindsOf(programs: readonly Program[]): Map<string, Kind> {
  const kinds = new Map<string, Kind>();
  for (const program of programs) {
    for (const node of program.nodes) {
      const kind = kindOf(node);
      if (kind === undefined) continue;
      const { flops } = operation(node.op).cost(node);
      const before = kinds.get(kind);
      kinds.set(
        kind,
        before ? { ...before, flops: before.flops + flops } : { program, node, flops },
      );
    }
  }
  return kinds;
}

async function measureAll(
  open: readonly Measurement[],
  parts: Omit<Recorder, "scratch">,
  onMeasure: TuningOptions["onMeasure"],
): Promise<Choices> {
  const { device, cache } = parts;
  const calls = open.flatMap(({ node, names }) =>
    names.flatMap((name) => callsOf(node, name, parts.largestBinding))
  );
  const scratch = await createScratch(device, scratchElements(calls));
  const recorder = { ...parts, scratch };
  const stopwatch = await openStopwatch(device, parts.pace.seconds);
  const tuning: Record<string, string> = {};
  let flops = 0, seconds = 0;
  const end = performance.now() + MEASURING;
  for (const [done, { kind, node, names, slots }] of open.entries()) {
    if (performance.now() > end) break;
    onMeasure?.(done, open.length);
    const candidates = names.map((name) => recordNode(recorder, node, slots, name));
    await cache.check();
    const taken = await stopwatch.measure(candidates);
    const choice = fastest(taken);
    tuning[kind] = names[choice];
    flops += operation(node.op).cost(node).flops;
    seconds += taken[choice];
  }
  onMeasure?.(open.length, open.length);
  scratch?.destroy();
  return seconds > 0 ? { tuning, flopsPerSecond: flops / seconds } : { tuning };
}

function fastest(seconds: readonly number[]): number {
  const least = seconds.indexOf(Math.min(...seconds));
  return seconds[least] < CLEARLY_LESS * seconds[0] ? least : 0;
}

/** The most working memory that one of the calls asks for, in elements. */
export function scratchElements(calls: readonly { readonly scratch?: number }[]): number {
  return calls.reduce((most, { scratch = 0 }) => Math.max(most, scratch), 0);
}
