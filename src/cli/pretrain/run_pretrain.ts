/** A pretraining from its texts to the model's folder: tokenize, train with checkpoints, evaluate, export. @module */

import { join } from "node:path";
import project from "../../../deno.json" with { type: "json" };
import { createTokenizer } from "../../data/mod.ts";
import { readModel } from "../../models/mod.ts";
import { type Objective, predictionCount } from "../../pretrain/batches.ts";
import { openTrainer } from "../../pretrain/trainer.ts";
import { UserError } from "../../protocol/errors.ts";
import { readTokenizerFiles } from "../../weights/mod.ts";
import { folderFiles } from "../deno_files.ts";
import { deviceText } from "../device_text.ts";
import { onInterrupt } from "../interrupt.ts";
import type { Reporter } from "../progress.ts";
import { lockRunFolder } from "../run_folder.ts";
import { countText } from "../units.ts";
import { writeAtomically } from "../write_atomically.ts";
import { openDevice } from "./device.ts";
import { exportModel } from "./export_model.ts";
import {
  jsonText,
  partsOf,
  type PretrainFile,
  readMetrics,
  writeMetrics,
  writeTokenizer,
} from "./folder.ts";
import { modelConfig } from "./model_config.ts";
import type { PretrainConfig, PretrainPace } from "./settings.ts";
import { readSpecialIds, specialIdSet } from "./special_ids.ts";
import { startState, trainSteps } from "./steps.ts";
import { openTokenFile, tokenBytes } from "./token_file.ts";
import {
  type CorpusFacts,
  cutTokenizer,
  idsOf,
  tokenFiles,
  tokenizeCorpus,
  type TokenizerJson,
} from "./tokenize_corpus.ts";

/** Losses that are read together. */
const RING = 10;

/** What a process is asked to do. */
export interface PretrainRequest {
  readonly config: PretrainConfig;
  readonly pace: PretrainPace;
  readonly folder: string;
  /** pretrain.json of the pretraining that is continued. */
  readonly saved: PretrainFile | undefined;
  readonly device: { readonly kind: "auto" | "cpu" | "webgpu"; readonly threads: number };
}

/**
 * Runs a new pretraining, or continues a saved one.
 *
 * @throws UserError for whatever is the user's to mend.
 */
export async function runPretraining(request: PretrainRequest, reporter: Reporter): Promise<void> {
  const { config, folder, saved } = request;
  const parts = partsOf(folder);
  using interrupt = onInterrupt(() =>
    `Stopped; continue with: deno task pretrain --resume ${folder}`
  );
  if (!saved) await readTokenizer(config.tokenizer);
  using _lock = await lockRunFolder(folder);
  const facts = saved?.corpus ??
    await prepareCorpus(config, folder, reporter, () => interrupt.check());
  const tokenizer = await readTokenizer(parts.tokenizer);
  const special = await readSpecialIds(tokenizer, config.objective);
  const vocabulary = idsOf(tokenizer.tokenizer);
  const json = modelConfig(config, vocabulary, special);
  const model = readModel(json);
  const objective = objectiveOf(config, tokenizer, special, vocabulary);
  const width = tokenBytes(vocabulary);
  using train = openTokenFile(join(folder, tokenFiles.train), width);
  using validation = openTokenFile(join(folder, tokenFiles.validation), width);
  const { batch: B, tokens: T } = config;
  const sizes = { B, T, P: predictionCount(objective, B, T), ring: RING };
  const device = await openDevice(request.device);
  const trainer = await openTrainer(device, model, sizes, config);
  try {
    const state = await startState(trainer, folder, config, saved !== undefined);
    const file: PretrainFile = {
      kind: "hafl-pretrain",
      config,
      corpus: facts,
      started: saved?.started ?? new Date().toISOString(),
      versions: { hafl: project.version, ...Deno.version },
      device: deviceText(device.info),
    };
    announce(file, trainer.layout.head, vocabulary, folder, reporter);
    await writeMetrics(folder, await readMetrics(folder, state.steps));
    await writeAtomically(parts.facts, jsonText(file));
    const end = await trainSteps(
      { ...request, trainer, objective, train, validation },
      state,
      reporter,
      () => interrupt.check(),
    );
    const metrics = await readMetrics(folder, end.steps);
    await exportModel({
      file,
      folder,
      json,
      tokenizer,
      layout: trainer.layout,
      state: end,
      metrics,
    });
    reporter.note(`Model    ${parts.model}`);
    reporter.note(`Report   ${parts.report}`);
  } finally {
    await trainer.close();
  }
}

async function readTokenizer(folder: string): Promise<TokenizerJson> {
  const { tokenizer, config } = await readTokenizerFiles(folderFiles(folder));
  return {
    tokenizer: tokenizer as Record<string, unknown>,
    config: config as Record<string, unknown>,
  };
}

async function prepareCorpus(
  config: PretrainConfig,
  folder: string,
  reporter: Reporter,
  check: () => void,
): Promise<CorpusFacts> {
  const source = { files: config.corpus, column: config.textColumn };
  const whole = await readTokenizer(config.tokenizer);
  const tokenizer = config.vocabulary === null
    ? whole
    : await cutTokenizer(whole, config.vocabulary, source, reporter.prepare, check);
  await writeTokenizer(partsOf(folder).tokenizer, tokenizer);
  const { end } = await readSpecialIds(tokenizer, config.objective);
  // What the tokenizer puts around a text is added to rows, not to documents.
  const around = new Set((await createTokenizer(tokenizer.tokenizer, tokenizer.config)).encode(""));
  const facts = await tokenizeCorpus(
    tokenizer,
    end,
    around,
    source,
    folder,
    reporter.prepare,
    check,
  );
  const least = 4 * config.tokens;
  if (facts.trainTokens < least || facts.validationTokens < least) {
    throw new UserError(
      `Cannot pretrain on so little text: expected at least ${
        countText(least)
      } tokens to train on and to hold out (the tenth document and each 100th after it), got ${
        countText(facts.trainTokens)
      } and ${countText(facts.validationTokens)}`,
    );
  }
  return facts;
}

function objectiveOf(
  { objective, maskRate }: PretrainConfig,
  tokenizer: TokenizerJson,
  special: Awaited<ReturnType<typeof readSpecialIds>>,
  vocabulary: number,
): Objective {
  if (objective === "next") return { kind: "next" };
  return {
    kind: "masked",
    start: special.start!,
    end: special.end,
    rate: maskRate,
    tokens: { mask: special.mask!, vocabulary, special: specialIdSet(tokenizer.tokenizer) },
  };
}

function announce(
  { config, corpus, device }: PretrainFile,
  tensors: readonly { readonly shape: readonly number[] }[],
  vocabulary: number,
  folder: string,
  reporter: Reporter,
): void {
  const parameters = tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const { layers, width, batch, tokens, steps } = config;
  const epochs = steps * batch * tokens / corpus.trainTokens;
  for (
    const line of [
      `Model    ${config.objective === "masked" ? "BERT" : "Llama"}, ${layers} layers × ${width}, ${
        countText(parameters)
      } parameters, ${countText(vocabulary)} tokens`,
      `Texts    ${countText(corpus.documents)} documents, ${
        countText(corpus.trainTokens)
      } tokens to train on, ${countText(corpus.validationTokens)} held out`,
      `Steps    ${countText(steps)} of ${batch} × ${tokens} tokens, ${epochs.toFixed(1)} epochs`,
      `Device   ${device}`,
      `Folder   ${folder}`,
    ]
  ) reporter.note(line);
}
