/** Figures of a series of repetitions. @module */

import type { Facts, Repetition } from "./repetitions.ts";

/** What a subject measured. */
export interface Series {
  readonly facts: Facts;
  readonly repetitions: readonly Repetition[];
  /** Bytes of its largest resident set; undefined where the system does not tell. */
  readonly peakMemory: number | undefined;
}

/** A figure of a series, in a unit. */
export interface Figure {
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** The figure of one repetition; undefined where it was not measured. */
  of(repetition: Repetition, series: Series): number | undefined;
}

/** A product of two square matrices. */
export const productSpeed: Figure = {
  unit: "GFLOP/s",
  better: "higher",
  of: ({ seconds }, { facts }) => 2 * Number(facts.size) ** 3 / seconds / 1e9,
};

/** A device's multiply-adds in registers. */
export const ceilingSpeed: Figure = {
  unit: "GFLOP/s",
  better: "higher",
  of: ({ flopsPerSecond }) => flopsPerSecond / 1e9,
};

/** Steps over B rows of T tokens. */
export const stepSpeed: Figure = {
  unit: "tokens/s",
  better: "higher",
  of: ({ seconds }, { facts }) => Number(facts.B) * Number(facts.T) / seconds,
};

/** Tokens generated, or passes over what a token reads. */
export const tokenSpeed: Figure = {
  unit: "tokens/s",
  better: "higher",
  of: ({ seconds }) => 1 / seconds,
};

/** Bytes read. */
export const readSpeed: Figure = {
  unit: "GB/s",
  better: "higher",
  of: ({ seconds }, { facts }) => Number(facts.bytes) / seconds / 1e9,
};

/** Largest resident set of the process. */
export const peakMemory: Figure = {
  unit: "MiB",
  better: "lower",
  of: (_, { peakMemory }) => peakMemory === undefined ? undefined : peakMemory / 2 ** 20,
};

/** Encoding of a step on the calling thread. */
export const encodeTime: Figure = {
  unit: "ms",
  better: "lower",
  of: ({ encodeSeconds }) => 1000 * encodeSeconds,
};

/** A step on the GPU. */
export const gpuTime: Figure = {
  unit: "ms",
  better: "lower",
  of: ({ gpuSeconds }) => 1000 * gpuSeconds,
};

/** The best of a figure's values over the repetitions, which other work on the machine disturbed least; undefined where it was not measured. */
export function best(figure: Figure, series: Series): number | undefined {
  return sorted(figure, series)?.[0];
}

/** The middle one of a figure's values over the repetitions, the better of two. */
export function median(figure: Figure, series: Series): number | undefined {
  const values = sorted(figure, series);
  return values?.[Math.floor((values.length - 1) / 2)];
}

/** Best first. */
function sorted(figure: Figure, series: Series): number[] | undefined {
  const values = series.repetitions.map((repetition) => figure.of(repetition, series));
  if (values.length === 0 || values.some((value) => value === undefined)) return undefined;
  const sign = figure.better === "higher" ? -1 : 1;
  return (values as number[]).sort((x, y) => sign * (x - y));
}
