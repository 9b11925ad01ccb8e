/**
 * Every setting of a training run as plain data, and the reason for each default.
 *
 * The command's flags, its configuration file and their checks come from the table in settings.ts, which has one row for each key of
 * {@linkcode RunConfig}.
 *
 * @module
 */
import type { Pooling } from "../data/batches.ts";
import type { PartitionKind } from "../data/partition.ts";
import type { StripPart } from "../data/strip.ts";
import type { OptimizerKind } from "../engine/ops/optimizer.ts";
import type { BaseDtype } from "../lora/classifier.ts";
import type { ScheduleKind } from "../lora/schedule.ts";
import type { AggregatorName } from "../protocol/aggregate/mod.ts";
import { UserError } from "../protocol/errors.ts";
import {
  checkMethod,
  type Distribution,
  type Factors,
  needsEqualRanks,
  type RankBy,
  type Scope,
  type ScoreKind,
} from "../protocol/method.ts";
import { RankError } from "../protocol/ranks.ts";
import type { SelectorName } from "../protocol/selection.ts";
import { checkServerOptimizer, type ServerOptimizerKind } from "../protocol/server_optimizer.ts";
import { fullAttendance, sampledClients } from "./attendance.ts";
import { misfit } from "./fixed_settings.ts";

/** What can happen to a client's optimizer state between rounds, in the order users see it. */
export const optimizerStateRules = ["reset", "keep"] as const;

/** Whether a client's moments and sensitivities start each round at zero (`reset`), or where its last round ended (`keep`). */
export type OptimizerStateRule = typeof optimizerStateRules[number];

/** The devices that can be asked for, in the order users see them. */
export const deviceNames = ["auto", "webgpu", "cpu"] as const;

/** Where programs run; `auto` is the faster of what is there, by a short measurement. */
export type DeviceName = typeof deviceNames[number];

/** The output formats there are, in the order users see them. */
export const outputFormats = ["text", "json"] as const;

/** How the command tells of a run: `text` for people, `json` for programs, one object a line. */
export type OutputFormat = typeof outputFormats[number];

/**
 * All settings of a run; null means "not set". Paths are relative to the working directory, shares lie in [0, 1).
 *
 * A setting's flag is its key in kebab-case (`--seq-len`). {@linkcode defaultConfig} holds the defaults and the reason for each.
 */
export interface RunConfig {
  /** Model folder in Hugging Face layout, or hub id; null: the built-in base. */
  readonly model: string | null;
  /** Branch, tag or commit of a hub model; null: main. */
  readonly revision: string | null;
  /** How a text's token states [T, C] become one vector [C]: mean, first or last real token. */
  readonly pooling: Pooling;
  /** Modules to adapt: a regular expression, or ends of their names parted by commas; null: all attention projections. */
  readonly targets: string | null;
  /** LoRA's α; B·A is scaled by α / rank, the server's rank on every tier. */
  readonly alpha: number;
  /** Dropout probability on the adapters' input, in training. */
  readonly loraDropout: number;
  /** Dropout probability inside the base model, in training. */
  readonly dropout: number;
  /** Precision in which the frozen base's matrices are stored on the device. */
  readonly baseDtype: BaseDtype;

  /** File of labelled texts, .jsonl or .csv, each also with .gz; null: the built-in corpus. */
  readonly data: string | null;
  /** Column that holds the text. */
  readonly textColumn: string;
  /** Column that holds the label; null: the first of labelName, label and category that is there. */
  readonly labelColumn: string | null;
  /** The label set in the order of the classifier's outputs: the names, or the path of a file with one a line; null: found in the data. */
  readonly labels: string | readonly string[] | null;
  /** Parts of a newsgroup post to remove; none: texts stay as they are. */
  readonly strip: readonly StripPart[];
  /** Most training rows held out for validation, never more than a tenth of them; without effect where the data marks its own. */
  readonly validation: number;
  /** Tokens kept of a text, special tokens included. */
  readonly seqLen: number;
  /** Lengths T that batches are padded to, ascending; the longest is `seqLen`. */
  readonly buckets: readonly number[];

  /** Number of clients K. */
  readonly clients: number;
  /** Ranks r_k of the tiers, dealt over the clients in near-equal shares. */
  readonly ranks: readonly number[];
  /** The server's rank r, at least the largest of `ranks`. */
  readonly rank: number;
  /** How training rows are dealt to clients. */
  readonly partition: PartitionKind;
  /** Concentration of the Dirichlet partition; smaller is more unequal. */
  readonly dirichletAlpha: number;
  /** Labels a client holds under the `shards` partition. */
  readonly shardsPerClient: number;
  /** Whether one client holds all rows and takes everyone's steps; `clients`, `ranks` and `localSteps` as given are then those of the federation it stands beside. */
  readonly pooled: boolean;
  /** Rounds of training and aggregation. */
  readonly rounds: number;
  /** Share of the clients that a round samples, above 0 and at most 1; in a simulation only. */
  readonly participation: number;
  /** Probability that a sampled client takes its download and vanishes; in a simulation only. */
  readonly dropouts: number;
  /** Probability that the update of a client that does not vanish arrives a round late; in a simulation only. */
  readonly stragglers: number;

  /** What a client whose rank is below the server's holds and trains. */
  readonly method: Distribution;
  /** Which factors of its components a client trains and sends: A and B, or B alone (FFA-LoRA). */
  readonly factors: Factors;
  /** How the server combines a round's updates. */
  readonly aggregation: AggregatorName;
  /** Importance of a component. */
  readonly score: ScoreKind;
  /** β1: share of the old value when the sensitivity Ī is smoothed. */
  readonly beta1: number;
  /** β2: share of the old value when the sensitivity's uncertainty Ū is smoothed. */
  readonly beta2: number;
  /** How components are picked by score. */
  readonly selection: SelectorName;
  /** Flatness of the `sampled` selection: it draws in proportion to score^(1/temperature). */
  readonly temperature: number;
  /** Who ranks the components. */
  readonly rankBy: RankBy;
  /** Where components compete: in their module, or all together. */
  readonly scope: Scope;
  /** First rounds, in which components are dealt round-robin instead of by score. */
  readonly warmupRounds: number;
  /** A client's optimizer state between rounds. */
  readonly optimizerState: OptimizerStateRule;
  /** What the server makes of a round's combined change: takes it as it is, or as a gradient of its own. */
  readonly serverOptimizer: ServerOptimizerKind;
  /** η: the server's learning rate. */
  readonly serverLr: number;
  /** β1: share of the old first moment. */
  readonly serverBeta1: number;
  /** β2: share of the old second moment, under `adam`. */
  readonly serverBeta2: number;
  /** τ, added to the root of the second moment under `adam`; its square is where that starts. */
  readonly serverEpsilon: number;

  /** Steps a client takes each round. */
  readonly localSteps: number;
  /** Rows B of a training step. */
  readonly batch: number;
  /** What moves the weights in a local step. */
  readonly optimizer: OptimizerKind;
  /** Learning rate of the adapters, before the schedule. */
  readonly lr: number;
  /** Learning rate of the classification head, before the schedule. */
  readonly headLr: number;
  /** Decoupled weight decay of adapters and head; a step shrinks a trained weight by learning rate × decay. */
  readonly weightDecay: number;
  /** AdamW's first-moment decay. */
  readonly adamBeta1: number;
  /** AdamW's second-moment decay. */
  readonly adamBeta2: number;
  /** AdamW's ε, added to the root of the second moment. */
  readonly adamEps: number;
  /** Largest L2 norm of a step's gradient over all that is trained, a proximal term's part included; 0 does not clip. */
  readonly clipNorm: number;
  /** FedProx's μ: a client's loss gains μ/2 times the squared distance of what it trains from what it received; 0: nothing. */
  readonly proximal: number;
  /** Learning rate over the steps of all rounds. */
  readonly schedule: ScheduleKind;
  /** First steps of the run, over which the learning rate rises from 0. */
  readonly warmupSteps: number;

  /** Seed of every random draw; the same seed on the same device gives the same adapter. */
  readonly seed: number;
  /** Validation rows evaluated after each round, spread evenly over all. */
  readonly evalPosts: number;
  /** Rows B of an evaluation batch. */
  readonly evalBatch: number;
  /** Whether the test rows are evaluated at the end, at the best round and at the last. */
  readonly evalTest: boolean;
  /** Where programs run. */
  readonly device: DeviceName;
  /** Threads of the CPU device. */
  readonly threads: number;
  /** Folder the run is written to. */
  readonly out: string;
  /** Folder of a run to continue from its last checkpoint; null: a new run. */
  readonly resume: string | null;
  /** Whether to replace a run that `out` already holds. */
  readonly overwrite: boolean;
  /** How the command tells of the run. */
  readonly format: OutputFormat;
  /** Whether to fail instead of using the network. */
  readonly offline: boolean;
  /** Folder for tokens and downloaded models; null: the platform's cache folder. */
  readonly cacheDir: string | null;
}

/** Settings whose default follows from other settings (half of `seqLen` and `seqLen`, the largest of `ranks`) or from the machine (all processors, the time). */
export type DerivedKey = "buckets" | "rank" | "threads" | "out";

/** The defaults that are fixed values; {@linkcode completeRunConfig} derives the others. */
export const defaultConfig: Omit<RunConfig, DerivedKey> = {
  model: null, // the built-in base: a fresh clone trains without a network
  revision: null, // the hub's main branch
  pooling: "mean", // a decoder with causal masks and a short post: the mean uses every token's state
  targets: null, // all attention projections, LoRA's original choice (Hu et al. 2021)
  alpha: 16, // with rank 8 the usual alpha = 2·rank
  loraDropout: 0, // a client takes a few dozen steps a round: too few to overfit the adapter
  dropout: 0, // the same, and the frozen base then gives the same states in training and evaluation
  baseDtype: "f32", // the checkpoint as it is; f16 rounds it to 11 significant bits, for where memory is short

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
  pooled: false, // the centralised baseline is a choice
  rounds: 20,
  participation: 1, // ten clients: few enough for all of them to train in every round
  dropouts: 0, // a simulated client fails only where that is what is studied
  stragglers: 0,

  method: "freeze", // with adaptive: HAFL, what this program is about
  factors: "both", // LoRA's own; with "b" all clients share the A that was drawn, and half as much goes up
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
  serverOptimizer: "none", // the method's own: what the rule combined is the next adapter
  serverLr: 1, // momentum's usual one; adam's steps are of the weights' own size and want far less
  serverBeta1: 0.9, // FedOpt's (Reddi et al. 2021), these three
  serverBeta2: 0.99,
  serverEpsilon: 1e-3,

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
  proximal: 0, // few steps a round leave little to pull back from; FedProx (Li et al. 2020) tries 0.001 to 1
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
const changeableOnResume: ReadonlySet<keyof RunConfig> = new Set([
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
  /** Logical processors. */
  readonly threads: number;
  /** Names the run's folder, in local time. */
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
  checkDataSettings(given);
  const config = pool({
    ...fixed,
    seqLen,
    // Short posts are most of many corpora: a bucket of half the length spares half their cost.
    buckets: ascending(given.buckets ?? [Math.ceil(seqLen / 2), seqLen]),
    rank: given.rank ?? Math.max(...fixed.ranks),
    threads: given.threads ?? surroundings.threads,
    out: given.out ?? `runs/${timestamp(surroundings.now)}`,
  });
  checkTogether(config);
  return config;
}

/** The centralised baseline of a federation: all rows on one client of the server's rank, and as many steps a round as its clients take together. */
function pool(config: RunConfig): RunConfig {
  if (!config.pooled) return config;
  return {
    ...config,
    ...fullAttendance,
    clients: 1,
    ranks: [config.rank],
    partition: "iid",
    localSteps: sampledClients(config, config.clients) * config.localSteps,
  };
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

/** Settings that say how to read a data file, and so need one. */
const readingSettings = ["textColumn", "labelColumn", "labels", "strip"] as const;

function checkDataSettings(given: Partial<RunConfig>): void {
  if ((given.data ?? null) !== null) return;
  for (const key of readingSettings) {
    const value = given[key] ?? defaultConfig[key];
    if (JSON.stringify(value) === JSON.stringify(defaultConfig[key])) continue;
    throw new UserError(
      `Cannot use ${flagName(key)} without --data: the built-in corpus has its own rows and labels`,
    );
  }
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
  const other = config.ranks.find((rank) => rank !== config.rank);
  if (needsEqualRanks(config) && other !== undefined) {
    throw new RankError(
      `Cannot use ${config.method} + ${config.aggregation}: expected every client at rank ` +
        `${config.rank}, got rank ${other} (--ranks ${config.ranks.join(",")}); use --ranks ` +
        `${config.rank}`,
    );
  }
  checkMethod(config, config.ranks, config.rank);
  checkServerOptimizer(config.serverOptimizer, config.aggregation);
  const wrong = misfit(config);
  if (wrong !== undefined) {
    throw new UserError(
      `Cannot use ${flagName(wrong.key)} ${settingText(config[wrong.key])} with --aggregation ` +
        `${config.aggregation}: expected ${settingText(wrong.value)}, as ${wrong.why}`,
    );
  }
  if (config.factors !== "both" && config.method === "head") {
    throw new UserError(
      `Cannot use --factors ${config.factors} with --method head: no component is trained`,
    );
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
