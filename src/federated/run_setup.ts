/**
 * What follows from a run's settings, its model and its label set alone: the same on a simulated federation, beside a manifest and on a remote client.
 *
 * @module
 */

import { readTokenizerFacts, type TokenizerFacts } from "../data/tokenizer_files.ts";
import { elementCount } from "../engine/program.ts";
import { baseTensors } from "../lora/base_tensors.ts";
import type { AdaptedModel } from "../lora/adapted_model.ts";
import { packLayout } from "../lora/layout.ts";
import { openModelWeights } from "../lora/model_weights.ts";
import { type Model, readModel } from "../models/mod.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import type { SelectionSettings } from "../protocol/deal.ts";
import { UserError } from "../protocol/errors.ts";
import { scopedSelections } from "../protocol/method.ts";
import { selectorOf } from "../protocol/selection.ts";
import type { LanguageTask } from "../protocol/task.ts";
import {
  type ModelFiles,
  readConfig,
  readTokenizerFiles,
  type TokenizerFiles,
  type WeightSource,
  withChatTemplate,
} from "../weights/mod.ts";
import { checkShape } from "../weights/tensor_checks.ts";
import type { LocalSettings } from "./client_round.ts";
import type { TrainableModel } from "./federation.ts";
import type { RunConfig } from "./run_config.ts";
import { checkRank, chooseTargets } from "./targets.ts";

/** Most training steps between two reads of their losses. */
const TRAINING_RING = 64;

/** Evaluation batches between two reads of their results. */
const EVALUATION_RING = 16;

/** What {@linkcode setUpRun} goes by. */
export interface RunSetupSources {
  /** Complete settings, as {@linkcode completeRunConfig} returns them; `clients`, `ranks` and all that concerns data files are not looked at. */
  readonly config: RunConfig;
  /** The base model: its config.json, tokenizer and weights. */
  readonly files: ModelFiles;
  /** The label set, in the order of the classifier's outputs; not looked at where a language model is trained. */
  readonly labels: readonly string[];
}

/** What all parties of a run have in common. */
export interface RunSetup extends TrainableModel {
  /** What every client knows. */
  readonly local: LocalSettings;
  /** How components are picked by score, by the server, or by clients that rank for themselves. */
  readonly selection: SelectionSettings;
  /** LoRA's α; the adapted model's scale is α / r. */
  readonly alpha: number;
  /** The base model's architecture, read from its config.json. */
  readonly model: Model;
  /** How many numbers the checkpoint holds. */
  readonly modelParameters: number;
  /** The model's tokenizer: what its files say, and the files; where conversations are read, its config has the chat template. */
  readonly tokenizer: TokenizerFacts & { readonly files: TokenizerFiles };
  /** How texts become rows. */
  readonly reading: Pick<RunConfig, "task" | "packing">;
}

/**
 * Reads the model and sets up what all parties of a run have in common. Reads no weights but their names and shapes.
 *
 * @throws UserError (of many kinds) naming what is missing or does not fit.
 */
export async function setUpRun({ config, files, labels }: RunSetupSources): Promise<RunSetup> {
  const model = readModel(await readConfig(files));
  checkLength(model, config);
  checkBatch(model, { flag: "--batch", B: config.batch, T: config.seqLen });
  checkBatch(model, { flag: "--eval-batch", B: config.evalBatch, T: config.seqLen });
  const weights = await openModelWeights(files, model);
  const adapted = describeModel(config, model, labels.length, weights.has);
  checkWeights(adapted, weights);
  const tokenizerFiles = await readTokenizerFiles(files);
  const facts = await readTokenizerFacts(tokenizerFiles.tokenizer, tokenizerFiles.config);
  const { task, packing } = config;
  return {
    adapted,
    sizes: {
      buckets: config.buckets,
      batch: config.batch,
      evaluationBatch: config.evalBatch,
      trainingRing: Math.min(config.localSteps * config.accumulate, TRAINING_RING),
      evaluationRing: EVALUATION_RING,
    },
    weights,
    local: localSettings(config, adapted, facts),
    selection: {
      selector: selectorOf(config.selection, config.temperature),
      scope: scopedSelections[config.scope],
      seed: config.seed,
    },
    alpha: config.alpha,
    model,
    modelParameters: countParameters(model, weights),
    tokenizer: {
      ...facts,
      files: task === "chat" ? await withChatTemplate(files, tokenizerFiles) : tokenizerFiles,
    },
    reading: { task, packing },
  };
}

function localSettings(
  config: RunConfig,
  { layout }: AdaptedModel,
  { padId }: TokenizerFacts,
): LocalSettings {
  return {
    seed: config.seed,
    layout,
    localSteps: config.localSteps,
    batch: config.batch,
    accumulate: config.accumulate,
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
      proximal: config.proximal,
      sensitivityBeta1: config.beta1,
      sensitivityBeta2: config.beta2,
    },
    lrByRank: config.lrByRank,
    schedule: {
      kind: config.schedule,
      warmupSteps: config.warmupSteps,
      totalSteps: config.rounds * config.localSteps,
    },
    optimizerState: config.optimizerState,
    score: config.score,
    rankBy: config.rankBy,
  };
}

function describeModel(
  config: RunConfig,
  model: Model,
  labels: number,
  has: (name: string) => boolean,
): AdaptedModel {
  const modules = chooseTargets(model, config.targets);
  checkRank(modules, config.rank);
  return {
    model,
    ...describeTask(config, model, modules, labels, has),
    scale: config.alpha / config.rank,
    dropout: config.dropout,
    loraDropout: config.loraDropout,
    optimizer: config.optimizer,
    proximal: config.proximal > 0,
    accumulate: config.accumulate > 1,
    baseDtype: config.baseDtype,
    recompute: config.recompute,
  };
}

function describeTask(
  { task, rank }: RunConfig,
  model: Model,
  modules: readonly ModuleShape[],
  labels: number,
  has: (name: string) => boolean,
): Pick<AdaptedModel, "labels" | "layout"> {
  if (task === "classify") {
    if (labels >= 2) return { labels, layout: packLayout(modules, rank, model.head(labels, has)) };
    throw new UserError(`Cannot train a classifier: expected at least 2 labels, got ${labels}`);
  }
  checkDecoder(task, model);
  return { layout: packLayout(modules, rank, []) };
}

/** Checks that a model predicts the next token, as tasks of language models ask. @throws UserError otherwise. */
export function checkDecoder(task: LanguageTask, { family, languageModel }: Model): void {
  if (languageModel?.objective === "next") return;
  throw new UserError(
    `Cannot use --task ${task} with a model of family "${family}", an encoder: expected a decoder, such as Llama or GPT-2; name one with --model`,
  );
}

function checkLength(model: Model, { seqLen }: RunConfig): void {
  if (seqLen <= model.maxTokens) return;
  throw new UserError(
    `Cannot use --seq-len ${seqLen}: expected at most ${model.maxTokens}, the longest this model takes`,
  );
}

/** Largest states [B,T,C] of a layer, in bytes: all that the CPU device can address, and more than WebGPU binds at once. */
const MOST_STATE_BYTES = 2 ** 32;

/**
 * Refuses batches [B,T] that no device can hold, before programs are built for them and texts tokenized.
 *
 * @throws UserError naming the flag.
 */
export function checkBatch(
  { width }: Model,
  { flag, B, T }: { readonly flag: string; readonly B: number; readonly T: number },
): void {
  const most = Math.floor(MOST_STATE_BYTES / (4 * T * width));
  if (B <= most) return;
  throw new UserError(
    `Cannot use ${flag} ${B}: expected at most ${most}, as a layer's states of so many rows of ${T} tokens (--seq-len) would take more than 4 GiB`,
  );
}

/** Finds a missing or misshapen tensor before minutes go into tokenizing. */
function checkWeights({ model, labels, layout }: AdaptedModel, weights: WeightSource): void {
  for (const [name, expected] of baseTensors(model, labels, layout.head)) {
    checkShape(name, expected, weights.shape(name));
  }
}

/** Numbers the checkpoint stores; a tensor tied to another is one with it. */
function countParameters(model: Model, weights: WeightSource): number {
  return weights.names
    .filter((name) => !Object.hasOwn(model.tied, name) || !weights.has(model.tied[name]))
    .reduce((sum, name) => sum + elementCount(weights.shape(name)), 0);
}
