/** A pretraining from its texts to the model's folder: tokenize, train with checkpoints, evaluate, export. @module */

import project from "../../../deno.json" with { type: "json" };
import { DeviceLostError } from "../../engine/device.ts";
import type { DeviceChoice } from "../../federated/open_session.ts";
import { readModel } from "../../models/mod.ts";
import { type Objective, predictionCount } from "../../pretrain/batches.ts";
import { openTrainer } from "../../pretrain/trainer.ts";
import { UserError } from "../../protocol/errors.ts";
import type { WeightSource } from "../../weights/mod.ts";
import { deviceText } from "../device_text.ts";
import { InterruptedError, onInterrupt } from "../interrupt.ts";
import { lockFolder } from "../working_folder.ts";
import { announce } from "./announce.ts";
import type { PretrainConfig, PretrainPace } from "./config.ts";
import { loadOnDevice } from "./device.ts";
import { exportModel } from "./export_model.ts";
import {
  partsOf,
  type PretrainFile,
  readMetrics,
  removeUnfinished,
  writeMetrics,
  writePretrainFile,
} from "./folder.ts";
import { modelConfig } from "./model_config.ts";
import { findInput, prepareCorpus } from "./prepare_corpus.ts";
import type { PretrainReporter } from "./progress.ts";
import { readSpecialIds, type SpecialIds, specialIdSet } from "./special_ids.ts";
import { firstState, readState, writeState } from "./state.ts";
import { LOSSES_TOGETHER, trainSteps } from "./steps.ts";
import { openTokenFile, tokenBytes } from "./token_file.ts";
import type { CorpusFacts } from "./tokenize_corpus.ts";
import { idsOf, readTokenizer, type TokenizerJson } from "./tokenizer_json.ts";

/** What a process is asked to do. */
export interface PretrainRequest {
  readonly config: PretrainConfig;
  readonly pace: PretrainPace;
  readonly folder: string;
  /** pretrain.json of the pretraining that is continued. */
  readonly saved: PretrainFile | undefined;
  readonly device: DeviceChoice;
}

/**
 * Runs a new pretraining, or continues a saved one.
 *
 * @throws UserError for whatever is the user's to mend.
 */
export async function runPretraining(
  request: PretrainRequest,
  reporter: PretrainReporter,
): Promise<void> {
  const { config, folder, saved } = request;
  let begun = saved !== undefined;
  using interrupt = onInterrupt(() =>
    begun
      ? `Stopped; continue with: deno task pretrain --resume ${folder}`
      : "Stopped before the first step; the same command starts again"
  );
  const { signal } = interrupt;
  const input = saved ? undefined : await findInput(config);
  using _lock = await lockFolder(folder);
  await removeUnfinished(folder);
  try {
    const corpus = input
      ? await prepareCorpus(input, config, folder, { onProgress: reporter.read, signal })
      : saved!.corpus;
    await train(request, corpus, input?.initial?.weights, reporter, signal, () => begun = true);
  } catch (error) {
    // Between the signal and the stop the first step may have been taken: what to do now is said anew.
    if (error instanceof InterruptedError) interrupt.check();
    throw error;
  }
}

async function train(
  { config, pace, folder, saved, device: choice }: PretrainRequest,
  corpus: CorpusFacts,
  weights: WeightSource | undefined,
  reporter: PretrainReporter,
  signal: AbortSignal,
  onBegun: () => void,
): Promise<void> {
  const parts = partsOf(folder);
  const tokenizer = await readTokenizer(parts.tokenizer);
  const special = readSpecialIds(tokenizer, config.objective);
  const vocabulary = idsOf(tokenizer.tokenizer);
  const width = tokenBytes(vocabulary);
  using train = openTokenFile(parts.train, width, corpus.trainTokens);
  using validation = openTokenFile(parts.validation, width, corpus.validationTokens);
  const json = modelConfig(config, vocabulary, special);
  const objective = objectiveOf(config, tokenizer, special, vocabulary);
  const { batch: B, tokens: T } = config;
  const sizes = { B, T, P: predictionCount(objective, B, T), ring: LOSSES_TOGETHER };
  const { device, loaded: trainer } = await loadOnDevice(
    { ...choice, tuning: saved?.tuning },
    (device) => openTrainer(device, readModel(json), sizes, config),
  );
  try {
    const { layout } = trainer;
    const state = saved
      ? await readState(folder, layout, config.steps)
      : await firstState(layout, config, weights);
    const file: PretrainFile = {
      kind: "hafl-pretrain",
      config,
      corpus,
      started: saved?.started ?? new Date().toISOString(),
      versions: { hafl: project.version, ...Deno.version },
      device: deviceText(device.info),
      tuning: trainer.device.tuning,
    };
    announce(file, layout.head, vocabulary, folder, reporter);
    signal.throwIfAborted();
    if (!saved) await writeState(folder, layout, state);
    await writeMetrics(folder, await readMetrics(folder, state.steps));
    await writePretrainFile(folder, file);
    onBegun();
    const job = { config, pace, folder, trainer, objective, train, validation };
    const end = await trainSteps(job, state, reporter, signal);
    const metrics = await readMetrics(folder, end.steps);
    await exportModel({ file, folder, json, tokenizer, layout, state: end, metrics });
    reporter.note(`Model    ${parts.model}`);
    reporter.note(`Report   ${parts.report}`);
  } catch (error) {
    if (!(error instanceof DeviceLostError)) throw error;
    throw new UserError(`${error.message}; the last checkpoint is in ${folder}`, { cause: error });
  } finally {
    await trainer.close();
  }
}

function objectiveOf(
  { objective, maskRate }: PretrainConfig,
  { tokenizer }: TokenizerJson,
  special: SpecialIds,
  vocabulary: number,
): Objective {
  if (objective === "next") return { kind: "next" };
  return {
    kind: "masked",
    start: special.start!,
    end: special.end,
    rate: maskRate,
    tokens: { mask: special.mask!, vocabulary, special: specialIdSet(tokenizer, special) },
  };
}
