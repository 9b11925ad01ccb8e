/** Runs models over rows. @module */

import type { TokenCache } from "../../data/mod.ts";
import { predictionsIn } from "../../federated/device_batches.ts";
import { evaluateAdapter } from "../../federated/evaluate_bank.ts";
import { isLabelled } from "../../federated/model_scores.ts";
import { openSession } from "../../federated/open_session.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { checkBatch } from "../../federated/run_setup.ts";
import { type CreateTokenizer, tokenizeRows } from "../../federated/tokenize_rows.ts";
import { UserError } from "../../protocol/errors.ts";
import { deviceMistake } from "../device_mistake.ts";
import { deviceText } from "../device_text.ts";
import type { Candidates } from "./models.ts";
import {
  baselineOf,
  type ClassifierResult,
  classifierResult,
  type EvaluationFacts,
  type EvaluationResult,
  type LanguageResult,
  languageResult,
} from "./result.ts";
import type { EvaluatedRows } from "./rows.ts";

/** How it is done. */
export interface EvaluationTools {
  readonly config: RunConfig;
  /** What the base is called. */
  readonly model: string;
  /** Folder of the adapter. */
  readonly adapter: string | null;
  readonly createTokenizer: CreateTokenizer;
  readonly cache: TokenCache;
  /** Called before each batch with how many are done and how many there are, and at the end; may throw to end the evaluation. */
  readonly onBatch: (done: number, total: number) => void;
}

/**
 * What each model makes of the rows, one after the other on one device.
 *
 * @throws UserError when there is nothing to predict, no such device, or the model does not fit on it.
 */
export async function evaluateCandidates(
  { setup: opened, labels, models }: Candidates,
  { name, part, rows }: EvaluatedRows,
  { config, model, adapter, createTokenizer, cache, onBatch }: EvaluationTools,
): Promise<EvaluationResult> {
  const { seqLen, pooling, task } = config;
  const tokenize = await tokenizeRows(rows, { setup: opened, labels, createTokenizer, cache });
  const samples = tokenize(rows);
  const tokens = predictionsIn(samples);
  if (task !== "classify" && tokens === 0) {
    throw new UserError(
      `Cannot evaluate on "${name}": its texts have no token to predict within ${seqLen} tokens (--seq-len)`,
    );
  }
  // Programs are built for full batches, so that one larger than all there is would be work for nothing.
  const evaluationBatch = Math.min(config.evalBatch, samples.length);
  checkBatch(opened.model, { flag: "--eval-batch", B: evaluationBatch, T: seqLen });
  const setup = { ...opened, sizes: { ...opened.sizes, evaluationBatch } };
  const session = await openSession(setup, config).catch((error) => {
    throw deviceMistake(error, "try a smaller --eval-batch, or --base-dtype f16 or int8");
  });
  const total = models.length * Math.ceil(samples.length / evaluationBatch);
  let done = 0;
  const classifiers: ClassifierResult[] = [];
  const languageModels: LanguageResult[] = [];
  try {
    for (const candidate of models) {
      const confusion = labels.map(() => labels.map(() => 0));
      const count = (label: number, predicted: number) => confusion[label][predicted]++;
      const evaluation = await evaluateAdapter(
        setup,
        session,
        candidate.adapter,
        samples,
        () => onBatch(done++, total),
        count,
      );
      const { loss } = evaluation;
      if (isLabelled(evaluation)) classifiers.push(classifierResult(candidate, confusion, loss));
      else languageModels.push(languageResult(candidate, tokens, loss));
    }
    onBatch(done, total);
  } finally {
    await session.executor.close();
  }
  const device = deviceText(session.executor.device);
  const facts: EvaluationFacts = {
    ...{ model, adapter, data: name, split: part, rows: rows.length, seqLen, device },
  };
  if (task !== "classify") return { task, ...facts, tokens, models: languageModels };
  const baseline = baselineOf(labels, classifiers[0].confusion);
  return { task, ...facts, pooling, labels, baseline, models: classifiers };
}
