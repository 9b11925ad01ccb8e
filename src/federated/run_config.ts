/**
 * Every setting of a training run as plain data, and the reason for each default.
 *
 * The command's flags, its configuration file and their checks come from the table in cli/settings.ts, which has one row for each key of
 * {@linkcode RunConfig}.
 *
 * @module
 */
import { UserError } from "../protocol/errors.ts";

/** How token states become one vector. */
export const poolings = ["mean", "first", "last"] as const;
/** What a client of a small rank trains, holds and uploads. */
export const methods = ["freeze", "truncate", "full"] as const;
/** How the server combines updates. */
export const aggregations = ["adaptive", "zero-pad", "zero-delta", "fedit"] as const;
/** What a component's importance is. */
export const scoreKinds = ["smoothed-uncertainty", "smoothed", "magnitude", "random"] as const;
/** How components are picked by score. */
export const selections = ["greedy", "random", "sampled"] as const;
/** How rows are dealt to clients. */
export const partitions = ["iid", "dirichlet", "shards", "given"] as const;
/** Parts of a newsgroup post that can be removed. */
export const stripParts = ["headers", "footers", "quotes"] as const;
/** Local optimizers. */
export const optimizers = ["adamw", "sgd"] as const;
/** How the learning rate moves over the run. */
export const schedules = ["constant", "linear", "cosine"] as const;
/** Where programs run; "auto" is the faster of what is there. */
export const deviceChoices = ["auto", "webgpu", "cpu"] as const;

/** Names of the literature for a pair of method and aggregation, usable as `--method NAME`. */
export const methodAliases: {
  readonly [name: string]: Pick<RunConfig, "method" | "aggregation">;
} = {
  IFALoRA: { method: "freeze", aggregation: "adaptive" },
  IFZLoRA: { method: "freeze", aggregation: "zero-pad" },
  ITALoRA: { method: "truncate", aggregation: "adaptive" },
  ITZLoRA: { method: "truncate", aggregation: "zero-pad" },
};

/** All settings of a run; null means "not set". Relative paths are relative to the working directory. */
export interface RunConfig {
  readonly model: string | null;
  readonly revision: string | null;
  readonly pooling: typeof poolings[number];
  readonly targets: string | null;
  readonly alpha: number;
  readonly loraDropout: number;
  readonly dropout: number;

  readonly data: string | null;
  readonly textColumn: string;
  readonly labelColumn: string | null;
  /** The names themselves, or the path of a file with one a line. */
  readonly labels: string | readonly string[] | null;
  readonly strip: readonly (typeof stripParts[number])[];
  readonly validation: number;
  readonly seqLen: number;
  readonly buckets: readonly number[];

  readonly clients: number;
  readonly ranks: readonly number[];
  readonly rank: number;
  readonly partition: typeof partitions[number];
  readonly dirichletAlpha: number;
  readonly shardsPerClient: number;
  readonly rounds: number;

  readonly method: typeof methods[number];
  readonly aggregation: typeof aggregations[number];
  readonly score: typeof scoreKinds[number];
  readonly beta1: number;
  readonly beta2: number;
  readonly selection: typeof selections[number];
  readonly temperature: number;
  readonly rankBy: "server" | "client";
  readonly scope: "module" | "global";
  readonly warmupRounds: number;
  readonly optimizerState: "reset" | "keep";

  readonly localSteps: number;
  readonly batch: number;
  readonly optimizer: typeof optimizers[number];
  readonly lr: number;
  readonly headLr: number;
  readonly weightDecay: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEps: number;
  readonly clipNorm: number;
  readonly schedule: typeof schedules[number];
  readonly warmupSteps: number;

  readonly seed: number;
  readonly evalPosts: number;
  readonly evalBatch: number;
  readonly evalTest: boolean;
  readonly device: typeof deviceChoices[number];
  readonly threads: number;
  readonly out: string;
  readonly resume: string | null;
  readonly overwrite: boolean;
  readonly format: "text" | "json";
  readonly offline: boolean;
  readonly cacheDir: string | null;
}

/** Settings whose default follows from other settings or from the machine. */
export type DerivedKey = "buckets" | "rank" | "threads" | "out";

/** The defaults that are fixed values. */
export const defaultConfig: Omit<RunConfig, DerivedKey> = {
  model: null, // the built-in base: a fresh clone trains without a network
  revision: null, // the hub's main branch
  pooling: "mean", // a decoder with causal masks and a short post: the mean uses every token's state
  targets: null, // all attention projections, LoRA's original choice (Hu et al. 2021)
  alpha: 16, // with rank 8 the usual alpha = 2·rank
  loraDropout: 0, // a client takes a few dozen steps a round: too few to overfit the adapter
  dropout: 0, // the same, and the frozen base then gives the same states in training and evaluation

  data: null, // the built-in corpus
  textColumn: "text",
  labelColumn: null, // the first of "labelName", "label" and "category" that is there
  labels: null, // the names found in the training rows, sorted
  strip: [], // as given; stripped posts are harder (headers leak the topic)
  validation: 1000, // a standard error of 1.5 points at 30 % accuracy; 9 % of 20 Newsgroups' training half
  seqLen: 64, // the reference runs' length; twice the tokens cost twice the time

  clients: 10, // the method's published experiments
  ranks: [2, 4, 8], // three tiers of clients: weak, middle, strong
  partition: "dirichlet", // clients with different topics are the case a federation exists for
  dirichletAlpha: 0.5, // the literature's usual "moderately unequal"
  shardsPerClient: 2, // FedAvg's pathological split (McMahan et al. 2017)
  rounds: 20,

  method: "freeze", // with adaptive: HAFL, what this program is about
  aggregation: "adaptive",
  score: "smoothed-uncertainty", // AdaLoRA's default
  beta1: 0.85, // AdaLoRA's default
  beta2: 0.85, // AdaLoRA's default
  selection: "greedy", // the method's own rule: the highest scores
  temperature: 1, // sampling in proportion to the scores
  rankBy: "server", // one ranking for all: r floats a module more to upload, none to negotiate
  scope: "module", // every module keeps its own best components
  // With budgets of 2, 4 and 8 dealt round-robin one round covers all 8 components many times; the
  // second gives every component a score that more than one set of clients has reported.
  warmupRounds: 2,
  optimizerState: "reset", // clients are stateless between rounds: any of them may be gone next time

  localSteps: 20,
  batch: 16,
  optimizer: "adamw",
  lr: 1e-2, // high, as B starts at zero and Adam's moments start anew each round
  headLr: 3e-2, // the head starts from nothing, the adapter from a pretrained model
  weightDecay: 0, // decay pulls towards zero what few clients own; the runs are short
  adamBeta1: 0.9, // Adam's own defaults, these three
  adamBeta2: 0.999,
  adamEps: 1e-8,
  clipNorm: 1, // rarely reached; keeps one odd batch from undoing a round
  schedule: "constant", // a run can then be continued for more rounds
  warmupSteps: 0,

  seed: 1,
  evalPosts: 1000, // the whole default validation set: rounds stay comparable
  evalBatch: 64, // evaluation keeps nothing for a backward pass, so more rows fit
  evalTest: true, // once, at the end: the number to report
  device: "auto", // the faster of what is there, by a short measurement
  resume: null,
  overwrite: false, // nothing is lost by repeating a command
  format: "text",
  offline: false,
  cacheDir: null, // the platform's cache folder
};

/** Settings that a resumed run may change; all others are what the run is, and stay. */
export const changeableOnResume: ReadonlySet<keyof RunConfig> = new Set([
  "rounds", // unless the schedule spans them, see resumedConfig
  "device", // another device continues the same run, but not to the same last bit
  "threads", // results do not depend on it
  "evalTest",
  "format",
  "offline",
  "cacheDir",
]);

/** What the derived defaults take from the machine; handed in so that tests can fix it. */
export interface Surroundings {
  readonly threads: number;
  readonly now: Date;
}

/**
 * Settings of a new run: fills in what was not given and checks the settings against one another.
 *
 * @throws UserError when two settings contradict each other.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { completeRunConfig } from "./run_config.ts";
 * const config = completeRunConfig({ ranks: [2, 4], seqLen: 128 });
 * assert.equal(config.rank, 4);
 * assert.deepEqual(config.buckets, [64, 128]);
 * ```
 */
export function completeRunConfig(
  given: Partial<RunConfig>,
  surroundings: Surroundings = { threads: navigator.hardwareConcurrency, now: new Date() },
): RunConfig {
  const fixed = { ...defaultConfig, ...given };
  const seqLen = given.seqLen ?? (given.buckets ? Math.max(...given.buckets) : fixed.seqLen);
  const config: RunConfig = {
    ...fixed,
    seqLen,
    // Short posts are most of many corpora: a bucket of half the length spares half their cost.
    buckets: ascending(given.buckets ?? [Math.ceil(seqLen / 2), seqLen]),
    rank: given.rank ?? Math.max(...fixed.ranks),
    threads: given.threads ?? surroundings.threads,
    out: given.out ?? `runs/${timestamp(surroundings.now)}`,
  };
  checkTogether(config);
  return config;
}

/**
 * The settings with which a saved run continues: the saved ones, and of the given ones those that may change.
 *
 * @param saved the settings in the run's run.json
 * @param given the settings of the command that resumes it, `resume` among them
 * @throws UserError when `given` changes a setting that makes the run what it is.
 */
export function resumedConfig(saved: RunConfig, given: Partial<RunConfig>): RunConfig {
  for (const key of Object.keys(given) as (keyof RunConfig)[]) {
    if (key === "resume" || changeableOnResume.has(key)) continue;
    if (key === "overwrite" && given.overwrite) {
      throw new UserError(
        "Cannot use --overwrite with --resume: a run is either continued or replaced",
      );
    }
    const inPlace = key === "out" ? given.resume : saved[key];
    if (JSON.stringify(given[key]) === JSON.stringify(inPlace)) continue;
    throw new UserError(
      `Cannot change ${flagName(key)} on --resume: the run was started with ` +
        `${settingText(inPlace)}, got ${settingText(given[key])}`,
    );
  }
  if (
    saved.schedule !== "constant" && given.rounds !== undefined && given.rounds !== saved.rounds
  ) {
    throw new UserError(
      `Cannot change --rounds on --resume: the ${saved.schedule} schedule spans ${saved.rounds} ` +
        `rounds, got ${given.rounds}`,
    );
  }
  return { ...saved, ...given, out: given.resume ?? saved.out };
}

/** A setting's key as its flag: "seqLen" gives "--seq-len". */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A setting's value as it is written on the command line; "none" when it is not set. */
export function settingText(value: RunConfig[keyof RunConfig] | undefined): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "object") return value.length === 0 ? "none" : value.join(",");
  return String(value);
}

function checkTogether(config: RunConfig): void {
  const largestRank = Math.max(...config.ranks);
  if (largestRank > config.rank) {
    throw new UserError(
      `Cannot give a client rank ${largestRank} (--ranks): expected at most the server's rank, ` +
        `${config.rank} (--rank)`,
    );
  }
  // The default tiers are for ten clients; fewer clients than tiers has to be a choice of ranks.
  if (config.ranks.length > config.clients) {
    throw new UserError(
      `Cannot deal ${config.ranks.length} ranks (--ranks ${config.ranks.join(",")}) over ` +
        `${config.clients} ${config.clients === 1 ? "client" : "clients"}: expected at most one ` +
        `rank a client`,
    );
  }
  if (config.aggregation === "fedit" && config.method !== "full") {
    const other = config.ranks.find((rank) => rank !== config.rank);
    if (other !== undefined) {
      throw new UserError(
        `Cannot aggregate by fedit: expected every client at rank ${config.rank}, got rank ` +
          `${other} (--ranks ${config.ranks.join(",")})`,
      );
    }
  }
  const longest = config.buckets[config.buckets.length - 1];
  if (longest !== config.seqLen) {
    throw new UserError(
      `Cannot use --buckets ${config.buckets.join(",")}: expected the longest to be --seq-len ` +
        `${config.seqLen}, got ${longest}`,
    );
  }
  if (config.revision !== null && config.model === null) {
    throw new UserError(
      "Cannot use --revision without --model: the built-in base has one revision",
    );
  }
}

function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((one, other) => one - other);
}

/** Local date and time as a folder name that sorts: 2025-03-01-142530. */
function timestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}-` +
    two(date.getHours()) + two(date.getMinutes()) + two(date.getSeconds());
}
