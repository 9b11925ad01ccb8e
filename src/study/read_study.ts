/**
 * A study's file, of unknown origin, checked entry by entry.
 *
 * @module
 */

import { accept, readSettings } from "../federated/read_settings.ts";
import { choice, number, text, whole } from "../federated/setting_kinds.ts";
import { UserError } from "../protocol/errors.ts";
import {
  checkFolders,
  checkKeys,
  readDistinct,
  readList,
  readNamed,
  readObject,
} from "./entries.ts";
import { readClaims } from "./read_claims.ts";
import type { GridPart, Reference, Study, StudySettings, TuningPlan } from "./study.ts";

const keys: readonly (keyof Study)[] = [
  "name",
  "settings",
  "cells",
  "methods",
  "grid",
  "tuning",
  "targets",
  "baseline",
  "claims",
  "references",
];

/** Settings that say how and where a run is run, which is for the command line, or that the study gives in another place. */
export const outsideSettings = [
  "seed",
  "device",
  "threads",
  "out",
  "resume",
  "overwrite",
  "format",
  "offline",
  "cacheDir",
] as const;

/**
 * Checks a study's file, as JSON.parse gives it. Whether each method can be run in each cell is not looked at (see `planGrid`).
 *
 * @throws UserError naming the entry: an unknown key, method or setting, a value that is not allowed, a name of nothing.
 *
 * @example
 * ```ts
 * import { readStudy } from "./read_study.ts";
 * const study = readStudy({
 *   name: "Two schemes",
 *   cells: { iid: { partition: "iid" } },
 *   methods: { IFALoRA: {}, gentle: { method: "ITALoRA", lr: 0.001 } },
 *   grid: [{ cells: ["iid"], methods: ["IFALoRA", "gentle"], seeds: [1, 2] }],
 * });
 * if (study.methods.gentle.aggregation !== "adaptive") throw new Error("unreachable");
 * ```
 */
export function readStudy(value: unknown): Study {
  const file = readObject(value, "the study");
  checkKeys(file, "the study", keys);
  const settings = readStudySettings(file.settings ?? {}, "settings");
  const cells = Object.fromEntries(
    readNamed(file.cells, "cells").map(([name, given]) =>
      [name, readStudySettings(given, `cells.${name}`)] as const
    ),
  );
  const methods = Object.fromEntries(
    readNamed(file.methods, "methods").map(([name, given]) =>
      [name, readMethod(given, name)] as const
    ),
  );
  const names = { cells: Object.keys(cells), methods: Object.keys(methods) };
  checkFolders(names.cells, "cells");
  checkFolders(names.methods, "methods");
  const grid = readList(file.grid, "grid", "parts, each with cells, methods and seeds")
    .map((part, i) => readGridPart(part, `grid[${i}]`, names));
  const targets = readTargets(file.targets ?? {}, names.cells);
  return {
    name: accept(text(""), file.name, "name"),
    settings,
    cells,
    methods,
    grid,
    ...(file.tuning !== undefined && { tuning: readTuning(file.tuning, names.cells, grid) }),
    targets,
    ...(file.baseline !== undefined &&
      { baseline: accept(choice(names.methods), file.baseline, "baseline") }),
    claims: readClaims(file.claims ?? [], grid, targets),
    references: readReferences(file.references ?? {}, names.cells),
  };
}

/** The settings of one level; what a method's name stands for at any but its own would go into other methods' runs. */
function readStudySettings(value: unknown, name: string): StudySettings {
  const given = readObject(value, name);
  checkOwn(given, name);
  if (given.method !== undefined) {
    throw new UserError(`Cannot use ${name}.method: a study's methods stand under "methods"`);
  }
  return comparable(readSettings(given, (key) => `${name}.${key}`), name);
}

/** Refuses what a study does not compare. */
function comparable(settings: StudySettings, name: string): StudySettings {
  const { task = "classify" } = settings;
  if (task === "classify") return settings;
  throw new UserError(
    `Cannot use ${name}.task ${task}: a study compares accuracies, which language models do not have; compare the losses of deno task train`,
  );
}

/** A method's settings: with no `method` among them the name says which it is. */
function readMethod(value: unknown, name: string): StudySettings {
  const entry = `methods.${name}`;
  const given = readObject(value, entry);
  checkOwn(given, entry);
  const named = given.method === undefined;
  const settings = readSettings(
    named ? { method: name, ...given } : given,
    (key) => named && key === "method" ? entry : `${entry}.${key}`,
  );
  return comparable(settings, entry);
}

function checkOwn(given: object, name: string): void {
  const outside = outsideSettings.find((key) => Object.hasOwn(given, key));
  if (outside === undefined) return;
  throw new UserError(
    `Cannot use ${name}.${outside}: ${
      outside === "seed"
        ? "the seeds of a study stand in its grid and tuning"
        : "how and where the runs are run is no part of a study; see deno task study --help"
    }`,
  );
}

interface Names {
  readonly cells: readonly string[];
  readonly methods: readonly string[];
}

function readGridPart(value: unknown, name: string, { cells, methods }: Names): GridPart {
  const part = readObject(value, name);
  checkKeys(part, name, ["cells", "methods", "seeds"]);
  return {
    cells: readDistinct(choice(cells), part.cells, `${name}.cells`),
    methods: readDistinct(choice(methods), part.methods, `${name}.methods`),
    seeds: readDistinct(whole({ least: 0 }), part.seeds, `${name}.seeds`),
  };
}

function readTuning(
  value: unknown,
  cells: readonly string[],
  grid: readonly GridPart[],
): TuningPlan {
  const plan = readObject(value, "tuning");
  checkKeys(plan, "tuning", ["cell", "seed", "trials", "settings"]);
  const seed = accept(whole({ least: 0 }), plan.seed, "tuning.seed");
  if (grid.some(({ seeds }) => seeds.includes(seed))) {
    throw new UserError(
      `Cannot use tuning.seed: expected one that no run of the grid has, got ${seed}`,
    );
  }
  return {
    cell: accept(choice(cells), plan.cell, "tuning.cell"),
    seed,
    trials: readTrials(plan.trials),
    settings: readStudySettings(plan.settings ?? {}, "tuning.settings"),
  };
}

function readTrials(value: unknown): StudySettings[] {
  const trials = readList(value, "tuning.trials", "settings, one object a trial")
    .map((trial, i) => readStudySettings(trial, `tuning.trials[${i}]`));
  const texts = trials.map((trial) => JSON.stringify(Object.entries(trial).sort()));
  texts.forEach((text, i) => {
    const first = texts.indexOf(text);
    if (first === i) return;
    throw new UserError(
      `Cannot use tuning.trials[${i}]: expected other settings than those of tuning.trials[${first}]`,
    );
  });
  return trials;
}

const share = number({ above: 0, most: 1 });

function readTargets(value: unknown, cells: readonly string[]): Record<string, number> {
  const targets = readObject(value, "targets");
  checkKeys(targets, "targets", cells);
  return Object.fromEntries(
    Object.entries(targets).map(([cell, target]) =>
      [cell, accept(share, target, `targets.${cell}`)] as const
    ),
  );
}

function readReferences(value: unknown, cells: readonly string[]): Record<string, Reference[]> {
  const references = readObject(value, "references");
  checkKeys(references, "references", cells);
  return Object.fromEntries(
    Object.entries(references).map(([cell, given]) => {
      const entry = `references.${cell}`;
      const scores = readList(given, entry, "scores, each with name and accuracy");
      return [cell, scores.map((score, i) => readReference(score, `${entry}[${i}]`))] as const;
    }),
  );
}

function readReference(value: unknown, name: string): Reference {
  const reference = readObject(value, name);
  checkKeys(reference, name, ["name", "accuracy"]);
  return {
    name: accept(text(""), reference.name, `${name}.name`),
    accuracy: accept(share, reference.accuracy, `${name}.accuracy`),
  };
}
