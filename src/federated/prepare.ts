/** From settings, a model's files and a data set to a federation that is ready to run. @module */

import {
  encodeAll,
  type EncodeProgress,
  type LazyTokenizer,
  type TokenCache,
  tokenizedSamples,
} from "../data/token_cache.ts";
import { partition, type PartitionScheme } from "../data/partition.ts";
import { readTokenizerFacts } from "../data/tokenizer_files.ts";
import type { LabelledData, Sample, TextTokenizer, TokenizedSample } from "../data/types.ts";
import { elementCount } from "../engine/program.ts";
import { packLayout } from "../lora/layout.ts";
import type { Classifier } from "../lora/classifier.ts";
import { baseTensors, type WeightLoader } from "../lora/load.ts";
import { type Model, readModel, storedName } from "../models/mod.ts";
import { aggregators } from "../protocol/aggregate/mod.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import { UserError } from "../protocol/errors.ts";
import { checkMethod, scopedSelections } from "../protocol/method.ts";
import { dealRanks } from "../protocol/ranks.ts";
import type { ClientFacts } from "../protocol/records.ts";
import { greedy, random, sampled, type Selector } from "../protocol/selection.ts";
import {
  type ModelFiles,
  openWeights,
  readConfig,
  readTokenizerFiles,
  type WeightSource,
  withPrefixes,
} from "../weights/mod.ts";
import { checkShape } from "../weights/tensor_checks.ts";
import type { Federation } from "./federation.ts";
import type { RunConfig } from "./run_config.ts";

/** Most training steps between two reads of their losses. */
const TRAINING_RING = 64;

/** Evaluation batches between two reads of their results. */
const EVALUATION_RING = 16;

/** What a run is made from. */
export interface RunSources {
  /** Complete settings, as {@linkcode completeRunConfig} returns them. */
  readonly config: RunConfig;
  /** The base model: its config.json, tokenizer and weights. */
  readonly files: ModelFiles;
  /** Labelled texts; the training part is dealt to the clients. */
  readonly data: LabelledData;
  /** The model's tokenizer, from its parsed files; called only when something is not in the cache. */
  readonly createTokenizer: (tokenizer: unknown, config: unknown) => Promise<TextTokenizer>;
  /** Keeps token ids between runs; without it every run tokenizes anew. */
  readonly cache?: TokenCache | undefined;
  /** Told how many texts are tokenized. */
  readonly onProgress?: EncodeProgress;
}

/** A federation, and what its report tells about it. */
export interface PreparedRun {
  /** What the rounds run on. */
  readonly federation: Federation;
  /** The base model's architecture, read from its config.json. */
  readonly model: Model;
  /** How many numbers the checkpoint holds. */
  readonly modelParameters: number;
  /** Rank, samples and label counts of each client, in order of their indices. */
  readonly clients: readonly ClientFacts[];
  /** Test rows of the data, evaluated or not. */
  readonly testRows: number;
}

/**
 * Reads the model, deals the data to the clients, tokenizes it.
 *
 * @throws UserError (of many kinds) naming what is missing or does not fit.
 */
export async function prepareFederation(sources: RunSources): Promise<PreparedRun> {
  const { config, files, data } = sources;
  const model = readModel(await readConfig(files));
  checkLength(model, config);
  const shares = dealSamples(config, data);
  const ranks = dealRanks(config.ranks, config.clients, config.rank);
  const method = { distribution: config.method, aggregator: config.aggregation };
  checkMethod(method, ranks, config.rank);
  if (data.validation.length === 0) {
    throw new UserError(
      "Cannot evaluate the rounds: expected at least one validation row, got none",
    );
  }
  const stored = withPrefixes(await openWeights(files), model.prefixes);
  const has = (name: string) => stored.has(storedName(model, name, stored.has));
  const classifier = describeClassifier(config, model, data.labels.length, has);
  checkWeights(model, classifier, stored);

  const tokenizerFiles = await readTokenizerFiles(files);
  const { hash, padId } = await readTokenizerFacts(tokenizerFiles.tokenizer, tokenizerFiles.config);
  const load = () => sources.createTokenizer(tokenizerFiles.tokenizer, tokenizerFiles.config);
  const tokenize = await tokenizeAll(sources, { hash, load }, model);
  const train = tokenize(data.train);
  const validation = tokenize(data.validation.slice(0, config.evalPosts));

  const federation: Federation = {
    run: "simulation",
    classifier,
    sizes: {
      buckets: config.buckets,
      batch: config.batch,
      evaluationBatch: config.evalBatch,
      trainingRing: Math.min(config.localSteps, TRAINING_RING),
      evaluationRing: EVALUATION_RING,
    },
    weights: loaderOf(model, stored),
    local: {
      seed: config.seed,
      layout: classifier.layout,
      localSteps: config.localSteps,
      batch: config.batch,
      buckets: config.buckets,
      padId,
      pooling: config.pooling,
      optimizer: {
        learningRate: config.lr,
        headLearningRate: config.headLr,
        weightDecay: config.weightDecay,
        beta1: config.adamBeta1,
        beta2: config.adamBeta2,
        epsilon: config.adamEps,
        clipNorm: config.clipNorm,
        sensitivityBeta1: config.beta1,
        sensitivityBeta2: config.beta2,
      },
      schedule: {
        kind: config.schedule,
        warmupSteps: config.warmupSteps,
        totalSteps: config.rounds * config.localSteps,
      },
      optimizerState: config.optimizerState,
      score: config.score,
      rankBy: config.rankBy,
    },
    server: {
      distribution: config.method,
      aggregator: aggregators[config.aggregation],
      selection: {
        selector: selectorOf(config),
        scope: scopedSelections[config.scope],
        seed: config.seed,
      },
      scopeName: config.scope,
      warmupRounds: config.warmupRounds,
    },
    alpha: config.alpha,
    clients: shares.map((share, client) => ({
      rank: ranks[client],
      samples: Array.from(share, (index) => train[index]),
    })),
    validation,
    test: config.evalTest ? tokenize(data.test) : [],
  };
  return {
    federation,
    model,
    modelParameters: countParameters(model, stored),
    clients: federation.clients.map(({ rank, samples }, client) => ({
      client: client + 1,
      rank,
      samples: samples.length,
      labelCounts: countLabels(samples, data.labels.length),
    })),
    testRows: data.test.length,
  };
}

/**
 * Each client's indices into the training rows, as the settings deal them; `deno task split` writes the same.
 *
 * @throws TooManyClientsError when there are fewer rows than clients.
 * @throws PartitionError when the partition's own setting cannot be carried out.
 */
export function dealSamples(config: RunConfig, data: LabelledData): Uint32Array[] {
  const places = new Map(data.labels.map((label, place) => [label, place]));
  const labels = data.train.map(({ label }) => places.get(label)!);
  return partition(labels, config.clients, schemeOf(config, data.train), config.seed);
}

function schemeOf(config: RunConfig, train: readonly Sample[]): PartitionScheme {
  switch (config.partition) {
    case "iid":
      return { kind: "iid" };
    case "dirichlet":
      return { kind: "dirichlet", alpha: config.dirichletAlpha };
    case "shards":
      return { kind: "shards", labelsPerClient: config.shardsPerClient };
    case "given":
      return { kind: "given", owners: train.map(ownerOf) };
    default:
      return config.partition satisfies never;
  }
}

function ownerOf({ id, client }: Sample): number {
  if (client !== undefined) return client;
  throw new UserError(
    `Cannot use --partition given: expected a whole number in column "client" of every training row, got none in row "${id}"`,
  );
}

function describeClassifier(
  config: RunConfig,
  model: Model,
  labels: number,
  has: (name: string) => boolean,
): Classifier {
  if (labels < 2) {
    throw new UserError(`Cannot train a classifier: expected at least 2 labels, got ${labels}`);
  }
  const modules = chooseTargets(model, config.targets);
  return {
    model,
    labels,
    layout: packLayout(modules, config.rank, model.head(labels, has)),
    scale: config.alpha / config.rank,
    dropout: config.dropout,
    loraDropout: config.loraDropout,
    optimizer: config.optimizer,
  };
}

/**
 * The modules to adapt: the family's default, those whose name matches a regular expression, or those whose name ends in one of several names
 * parted by commas, as PEFT's target_modules does.
 *
 * @throws UserError when none matches, or the regular expression is malformed.
 */
export function chooseTargets(model: Model, targets: string | null): ModuleShape[] {
  const matches = targets === null
    ? (name: string) => model.defaultTargets.test(name)
    : targetMatcher(targets);
  const modules = model.modules.filter(({ name }) => matches(name));
  if (modules.length > 0) return modules;
  const endings = new Set(model.modules.map(({ name }) => name.slice(name.lastIndexOf(".") + 1)));
  throw new UserError(
    `Cannot adapt "${targets}": no module matches; this model has ${[...endings].join(", ")}`,
  );
}

function targetMatcher(targets: string): (name: string) => boolean {
  const ends = targets.split(",").map((end) => end.trim());
  if (ends.length > 1) {
    return (name) => ends.some((end) => name === end || name.endsWith(`.${end}`));
  }
  try {
    const pattern = new RegExp(targets, "u");
    return (name) => pattern.test(name);
  } catch (error) {
    throw new UserError(
      `Cannot adapt "${targets}": expected a regular expression or names parted by commas`,
      { cause: error },
    );
  }
}

function checkLength(model: Model, { seqLen }: RunConfig): void {
  if (seqLen <= model.maxTokens) return;
  throw new UserError(
    `Cannot use --seq-len ${seqLen}: expected at most ${model.maxTokens}, the longest this model takes`,
  );
}

function selectorOf({ selection, temperature }: RunConfig): Selector {
  switch (selection) {
    case "greedy":
      return greedy;
    case "random":
      return random;
    case "sampled":
      return sampled(temperature);
    default:
      return selection satisfies never;
  }
}

/** Finds a missing or misshapen tensor before minutes go into tokenizing. */
function checkWeights(model: Model, classifier: Classifier, stored: WeightSource): void {
  for (const [name, expected] of baseTensors(classifier)) {
    checkShape(name, expected, stored.shape(storedName(model, name, stored.has)));
  }
}

/** Base weights by the names the family uses, wherever the checkpoint keeps them; one that is not finite would look like divergence. */
function loaderOf(model: Model, stored: WeightSource): WeightLoader {
  return {
    async load(name, shape) {
      const data = await stored.load(storedName(model, name, stored.has), shape);
      const bad = data.findIndex((value) => !Number.isFinite(value));
      if (bad < 0) return data;
      throw new UserError(
        `Cannot load "${name}": expected finite numbers, got ${data[bad]} at index ${bad}`,
      );
    },
  };
}

/** Tokenizes all rows at once, so that one cache entry serves every use of them; returns a look-up. */
async function tokenizeAll(
  { config, data, cache, onProgress }: RunSources,
  tokenizer: LazyTokenizer,
  model: Model,
): Promise<(samples: readonly Sample[]) => TokenizedSample[]> {
  const all = [...data.train, ...data.validation, ...(config.evalTest ? data.test : [])];
  const ids = await encodeAll(all, tokenizer, config.seqLen, cache, onProgress);
  const highest = ids.reduce((most, row) => row.reduce((x, y) => Math.max(x, y), most), 0);
  if (highest >= model.vocabulary) {
    throw new UserError(
      `Cannot use this tokenizer with this model: expected token ids below ${model.vocabulary}, got ${highest}`,
    );
  }
  const idsOf = new Map(all.map((sample, i) => [sample, ids[i]]));
  return (samples) =>
    tokenizedSamples(samples, samples.map((sample) => idsOf.get(sample)!), data.labels);
}

/** Numbers the checkpoint stores; a tensor tied to another is one with it. */
function countParameters(model: Model, stored: WeightSource): number {
  return stored.names
    .filter((name) => !Object.hasOwn(model.tied, name) || !stored.has(model.tied[name]))
    .reduce((sum, name) => sum + elementCount(stored.shape(name)), 0);
}

function countLabels(samples: readonly TokenizedSample[], labels: number): number[] {
  const counts = new Array<number>(labels).fill(0);
  for (const { label } of samples) counts[label]++;
  return counts;
}
