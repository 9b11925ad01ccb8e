/**
 * The table of settings: one row for each key of RunConfig, from which the flags, the configuration
 * file and the checks of both are made.
 *
 * @module
 */
import { poolings } from "../data/batches.ts";
import { partitionKinds } from "../data/partition.ts";
import { stripParts } from "../data/strip.ts";
import { optimizerKinds } from "../engine/ops/optimizer.ts";
import { deviceNames, optimizerStateRules, outputFormats, type RunConfig } from "./run_config.ts";
import { baseDtypes } from "../lora/classifier.ts";
import { scheduleKinds } from "../lora/schedule.ts";
import { aggregatorNames } from "../protocol/aggregate/mod.ts";
import {
  distributions,
  factorChoices,
  rankingParties,
  scopes,
  scoreKinds,
} from "../protocol/method.ts";
import { namedMethods } from "../protocol/methods/mod.ts";
import { selectorNames } from "../protocol/selection.ts";
import { serverOptimizerKinds } from "../protocol/server_optimizer.ts";
import {
  choice,
  type Kind,
  list,
  number,
  optional,
  pattern,
  text,
  toggle,
  whole,
} from "./setting_kinds.ts";

/** Headings of the help text, in its order. */
export const topics = ["Model", "Data", "Federation", "Method", "Optimisation", "Run"] as const;

/** A setting's name in flags (kebab-case) and files (camelCase). */
export type SettingKey = keyof RunConfig;

/** One row of the table. */
export interface Setting<T> {
  readonly topic: typeof topics[number];
  readonly kind: Kind<T>;
  /** One line of help; the default follows it unless the line says what happens without the setting. */
  readonly help: string;
}

const count = whole({ least: 1 });
const share = number({ least: 0, below: 1 });
const positive = number({ above: 0 });

const labelNames: Kind<string | readonly string[]> = {
  placeholder: "<file|list>",
  expected: "at least two names, or a file with one a line",
  fromText: (given) => given.includes(",") ? given.split(",").map((name) => name.trim()) : given,
  check(value) {
    if (typeof value === "string") return value === "" ? undefined : value;
    return list(text("<name>"), 2).check(value);
  },
  hint: () => "",
};

/** The table. */
export const settings: { readonly [Key in SettingKey]: Setting<RunConfig[Key]> } = {
  model: {
    topic: "Model",
    kind: optional(text("<folder|id>")),
    help: "model folder in Hugging Face layout, or hub id (default: the built-in base)",
  },
  revision: {
    topic: "Model",
    kind: optional(text("<name>")),
    help: "branch, tag or commit of a hub model (default: main)",
  },
  pooling: {
    topic: "Model",
    kind: choice(poolings),
    help: "how token states become one: mean, first or last real token",
  },
  targets: {
    topic: "Model",
    kind: optional(pattern("<pattern>")),
    help: "modules to adapt: regular expression or names parted by commas (default: all " +
      "attention projections)",
  },
  alpha: { topic: "Model", kind: positive, help: "LoRA's alpha; the scale is alpha / rank" },
  loraDropout: { topic: "Model", kind: share, help: "dropout on the adapters' input" },
  dropout: { topic: "Model", kind: share, help: "dropout inside the base model" },
  baseDtype: {
    topic: "Model",
    kind: choice(baseDtypes),
    help: "storage of the frozen base: f32, or f16 in half the memory",
  },

  data: {
    topic: "Data",
    kind: optional(text("<file>")),
    help: "labelled texts, .jsonl, .jsonl.gz or .csv (default: the built-in corpus)",
  },
  textColumn: { topic: "Data", kind: text("<name>"), help: "column that holds the text" },
  labelColumn: {
    topic: "Data",
    kind: optional(text("<name>")),
    help: "column that holds the label (default: labelName, label or category)",
  },
  labels: {
    topic: "Data",
    kind: optional(labelNames),
    help: "the label set: names parted by commas, or a file (default: found in the data)",
  },
  strip: {
    topic: "Data",
    kind: list(choice(stripParts), 0),
    help: `parts of a post to remove: ${stripParts.join(", ")}`,
  },
  validation: {
    topic: "Data",
    kind: count,
    help: "training rows held out for validation, at most a tenth of them",
  },
  seqLen: { topic: "Data", kind: count, help: "tokens kept of a text" },
  buckets: {
    topic: "Data",
    kind: list(count),
    help: "lengths batches are padded to (default: half of --seq-len, and --seq-len)",
  },

  clients: { topic: "Federation", kind: count, help: "number of clients" },
  ranks: {
    topic: "Federation",
    kind: list(count),
    help: "ranks of the tiers, dealt over the clients in near-equal shares",
  },
  rank: {
    topic: "Federation",
    kind: count,
    help: "the server's rank (default: the largest of --ranks)",
  },
  partition: {
    topic: "Federation",
    kind: choice(partitionKinds),
    help: `how rows are dealt to clients: ${partitionKinds.join(", ")}`,
  },
  dirichletAlpha: {
    topic: "Federation",
    kind: positive,
    help: "evenness of the Dirichlet partition; smaller is more unequal",
  },
  shardsPerClient: {
    topic: "Federation",
    kind: count,
    help: "label shards a client holds under --partition shards",
  },
  pooled: {
    topic: "Federation",
    kind: toggle,
    help: "one client with all rows takes every client's steps: the centralised baseline",
  },
  rounds: { topic: "Federation", kind: count, help: "rounds of training and aggregation" },
  participation: {
    topic: "Federation",
    kind: number({ above: 0, most: 1 }),
    help: "share of the clients that a round samples",
  },
  dropouts: {
    topic: "Federation",
    kind: share,
    help: "probability that a sampled client vanishes with its download",
  },
  stragglers: {
    topic: "Federation",
    kind: share,
    help: "probability that an update arrives a round late",
  },

  method: {
    topic: "Method",
    kind: choice(distributions, namedMethods.map(({ name }) => name)),
    help: `what a client holds and trains: ${distributions.join(", ")}; or a method by its name, ` +
      "see below",
  },
  factors: {
    topic: "Method",
    kind: choice(factorChoices),
    help: "matrices of a component that are trained and sent: both, or b (A stays as drawn)",
  },
  aggregation: {
    topic: "Method",
    kind: choice(aggregatorNames),
    help: `how updates are combined: ${aggregatorNames.join(", ")}`,
  },
  score: {
    topic: "Method",
    kind: choice(scoreKinds),
    help: `importance of a component: ${scoreKinds.join(", ")}`,
  },
  beta1: { topic: "Method", kind: share, help: "smoothing of the sensitivity" },
  beta2: { topic: "Method", kind: share, help: "smoothing of the sensitivity's uncertainty" },
  selection: {
    topic: "Method",
    kind: choice(selectorNames),
    help: `how components are picked by score: ${selectorNames.join(", ")}`,
  },
  temperature: {
    topic: "Method",
    kind: positive,
    help: "flatness of --selection sampled; 1 is in proportion to the scores",
  },
  rankBy: {
    topic: "Method",
    kind: choice(rankingParties),
    help: "who ranks the components: server or client",
  },
  scope: {
    topic: "Method",
    kind: choice(scopes),
    help: "where components compete: in their module, or all together (global)",
  },
  warmupRounds: {
    topic: "Method",
    kind: whole({ least: 0 }),
    help: "first rounds, in which components are dealt round-robin",
  },
  optimizerState: {
    topic: "Method",
    kind: choice(optimizerStateRules),
    help: "a client's optimizer state between rounds: reset or keep",
  },
  serverOptimizer: {
    topic: "Method",
    kind: choice(serverOptimizerKinds),
    help: `what the server does with a round's combined change: ${serverOptimizerKinds.join(", ")}`,
  },
  serverLr: {
    topic: "Method",
    kind: positive,
    help: "the server's learning rate; adam wants about 0.01",
  },
  serverBeta1: { topic: "Method", kind: share, help: "the server's first-moment decay" },
  serverBeta2: { topic: "Method", kind: share, help: "the server's second-moment decay" },
  serverEpsilon: { topic: "Method", kind: positive, help: "the server's epsilon under adam" },

  localSteps: { topic: "Optimisation", kind: count, help: "steps a client takes each round" },
  batch: { topic: "Optimisation", kind: count, help: "rows a step" },
  optimizer: {
    topic: "Optimisation",
    kind: choice(optimizerKinds),
    help: optimizerKinds.join(" or "),
  },
  lr: { topic: "Optimisation", kind: positive, help: "learning rate of the adapters" },
  headLr: {
    topic: "Optimisation",
    kind: number({ least: 0 }),
    help: "learning rate of the classification head",
  },
  weightDecay: {
    topic: "Optimisation",
    kind: number({ least: 0 }),
    help: "decoupled weight decay",
  },
  adamBeta1: { topic: "Optimisation", kind: share, help: "AdamW's first-moment decay" },
  adamBeta2: { topic: "Optimisation", kind: share, help: "AdamW's second-moment decay" },
  adamEps: { topic: "Optimisation", kind: positive, help: "AdamW's epsilon" },
  clipNorm: {
    topic: "Optimisation",
    kind: number({ least: 0 }),
    help: "largest norm of a step's gradient; 0 does not clip",
  },
  proximal: {
    topic: "Optimisation",
    kind: number({ least: 0 }),
    help: "FedProx's mu, the pull of a client's loss to what it received; 0 does not pull",
  },
  schedule: {
    topic: "Optimisation",
    kind: choice(scheduleKinds),
    help: `learning rate over the rounds: ${scheduleKinds.join(", ")}`,
  },
  warmupSteps: {
    topic: "Optimisation",
    kind: whole({ least: 0 }),
    help: "first steps, over which the learning rate rises from 0",
  },

  seed: {
    topic: "Run",
    kind: whole({ least: 0 }),
    help: "the same seed on the same device gives the same adapter",
  },
  evalPosts: { topic: "Run", kind: count, help: "validation rows evaluated after each round" },
  evalBatch: { topic: "Run", kind: count, help: "rows a step of evaluation" },
  evalTest: {
    topic: "Run",
    kind: toggle,
    help: "evaluate the test rows at the end, at the best round and at the last",
  },
  device: { topic: "Run", kind: choice(deviceNames), help: deviceNames.join(", ") },
  threads: {
    topic: "Run",
    kind: whole({ least: 1, most: 256 }),
    help: "threads of the CPU device (default: all)",
  },
  out: {
    topic: "Run",
    kind: text("<folder>"),
    help: "folder of the run (default: runs/<date-time>)",
  },
  resume: {
    topic: "Run",
    kind: optional(text("<folder>")),
    help: "continue the run in this folder from its last checkpoint",
  },
  overwrite: { topic: "Run", kind: toggle, help: "replace a run that --out already holds" },
  format: {
    topic: "Run",
    kind: choice(outputFormats),
    help: "output for people (text) or one JSON object a line (json)",
  },
  offline: { topic: "Run", kind: toggle, help: "fail instead of using the network" },
  cacheDir: {
    topic: "Run",
    kind: optional(text("<folder>")),
    help: "folder for tokens and downloaded models",
  },
};

/** The keys of the table, in its order. */
export const settingKeys: readonly SettingKey[] = Object.keys(settings) as SettingKey[];
