/** Learning-rate schedules: a factor of the learning rate by the step of the whole run. @module */

/** The schedules there are, in the order users see them. */
export const scheduleKinds = ["constant", "linear", "cosine"] as const;

/** What follows the warm-up: the full rate, a straight fall to 0, or half a cosine wave down to 0. */
export type ScheduleKind = typeof scheduleKinds[number];

/** How the learning rate moves over a run. A run's steps are those of one client, one round after the other. */
export interface Schedule {
  /** The curve after the warm-up. */
  readonly kind: ScheduleKind;
  /** First steps, over which the factor rises from 0. */
  readonly warmupSteps: number;
  /** Steps of the run in all, where the factor of "linear" and "cosine" reaches 0. */
  readonly totalSteps: number;
}

/**
 * The factor at a step, counted from 0; the formulas of Hugging Face's get_*_schedule_with_warmup.
 *
 * @example
 * ```ts
 * import { scheduleFactor } from "./schedule.ts";
 * const schedule = { kind: "linear", warmupSteps: 2, totalSteps: 10 } as const;
 * const factors = [0, 1, 2, 6, 10].map((step) => scheduleFactor(schedule, step));
 * if (factors.join() !== "0,0.5,1,0.5,0") throw new Error(factors.join());
 * ```
 */
export function scheduleFactor({ kind, warmupSteps, totalSteps }: Schedule, step: number): number {
  if (step < warmupSteps) return step / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  switch (kind) {
    case "constant":
      return 1;
    case "linear":
      return 1 - progress;
    case "cosine":
      return 0.5 * (1 + Math.cos(Math.PI * progress));
    default:
      return kind satisfies never;
  }
}
