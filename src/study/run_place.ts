/** Which run of a study, and where its result lies. @module */

/** A run of the grid, or a trial of the tuning. */
export interface RunPlace {
  /** The cell's name. */
  readonly cell: string;
  /** The method's name in the study. */
  readonly method: string;
  /** The run's seed. */
  readonly seed: number;
  /** Place of the trial among the tuning's, from 0; absent in runs of the grid. */
  readonly trial?: number;
}

/** A run as messages name it. */
export function runName({ cell, method, seed, trial }: RunPlace): string {
  return trial === undefined
    ? `${method} in ${cell}, seed ${seed}`
    : `${method}, trial ${trial + 1} of the tuning`;
}

/** A run of the grid as its file is called: "iid/IFALoRA/seed-3". */
export function placeText({ cell, method, seed }: RunPlace): string {
  return `${cell}/${method}/seed-${seed}`;
}

/** A result in the study's folder: "runs/iid/IFALoRA/seed-3.json", of a trial "tuning/IFALoRA/trial-0.json". */
export function resultPath(place: RunPlace): string {
  const { method, trial } = place;
  return trial === undefined
    ? `runs/${placeText(place)}.json`
    : `tuning/${method}/trial-${trial}.json`;
}
