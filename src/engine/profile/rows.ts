/** A profile as rows, one a kernel. @module */

import { type Ceiling, type CeilingShare, secondsAtCeiling } from "./ceiling.ts";
import type { ExecutorProfile } from "./profile.ts";

/** All runs of all nodes of one kernel. */
export interface KernelRow extends CeilingShare {
  /** The kernel's name, as in the profile. */
  readonly kernel: string;
  /** Nodes run, or dispatches of nodes that take several. */
  readonly calls: number;
  /** Seconds of all calls. */
  readonly seconds: number;
  /** Part of the time of all kernels. */
  readonly share: number;
  /** Of the seconds, those in which a thread of the CPU had nothing to do, averaged over the threads. */
  readonly idleSeconds: number;
  /** Floating-point operations a second, as the operations count them. */
  readonly flopsPerSecond: number;
  /** Bytes a second, each tensor of a node counted once. */
  readonly bytesPerSecond: number;
}

/** The kernels of a profile, the longest first. */
export function kernelRows({ programs }: ExecutorProfile, ceiling: Ceiling): KernelRow[] {
  const sums = new Map<string, Sum>();
  for (const { runs, nodes } of programs) {
    for (const { kernel, cost, seconds, idleSeconds } of nodes) {
      const least = secondsAtCeiling(cost, ceiling);
      const sum = sums.get(kernel) ?? { ...nothing };
      sums.set(kernel, sum);
      sum.calls += runs;
      sum.seconds += seconds;
      sum.idleSeconds += idleSeconds;
      sum.flops += runs * cost.flops;
      sum.bytes += runs * cost.bytes;
      sum[least.bound] += runs * least.seconds;
    }
  }
  return rowsOf(sums);
}

/** Rows joined into one. */
export function joinRows(kernel: string, rows: readonly KernelRow[]): KernelRow {
  const sum = { ...nothing };
  for (const row of rows) {
    sum.calls += row.calls;
    sum.seconds += row.seconds;
    sum.idleSeconds += row.idleSeconds;
    sum.flops += row.flopsPerSecond * row.seconds;
    sum.bytes += row.bytesPerSecond * row.seconds;
    sum[row.bound] += row.fraction * row.seconds;
  }
  const share = rows.reduce((total, row) => total + row.share, 0);
  return { ...rowOf(kernel, sum, sum.seconds), share };
}

interface Sum {
  calls: number;
  seconds: number;
  idleSeconds: number;
  flops: number;
  bytes: number;
  /** Seconds at the ceiling of the nodes that it bounds by compute, and by memory. */
  compute: number;
  memory: number;
}

const nothing: Sum = {
  calls: 0,
  seconds: 0,
  idleSeconds: 0,
  flops: 0,
  bytes: 0,
  compute: 0,
  memory: 0,
};

function rowsOf(sums: ReadonlyMap<string, Sum>): KernelRow[] {
  const total = [...sums.values()].reduce((seconds, sum) => seconds + sum.seconds, 0);
  return [...sums].map(([kernel, sum]) => rowOf(kernel, sum, total))
    .sort((x, y) => y.seconds - x.seconds);
}

function rowOf(kernel: string, sum: Sum, total: number): KernelRow {
  const { calls, seconds, idleSeconds, flops, bytes, compute, memory } = sum;
  const per = (amount: number) => seconds === 0 ? 0 : amount / seconds;
  return {
    kernel,
    calls,
    seconds,
    share: total === 0 ? 0 : seconds / total,
    idleSeconds,
    flopsPerSecond: per(flops),
    bytesPerSecond: per(bytes),
    fraction: per(compute + memory),
    bound: compute > memory ? "compute" : "memory",
  };
}
