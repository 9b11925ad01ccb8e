/** The steps of a pretraining, with their checkpoints, evaluations and metrics. @module */

import {
  batchesOf,
  blockCount,
  type Objective,
  type PretrainBatch,
  type TokenCorpus,
} from "../../pretrain/batches.ts";
import { letTasksRun } from "../../lora/let_tasks_run.ts";
import { rateFactor } from "../../pretrain/settings.ts";
import type { PretrainState, Trainer } from "../../pretrain/trainer.ts";
import { UserError } from "../../protocol/errors.ts";
import type { PretrainConfig, PretrainPace } from "./config.ts";
import { appendMetric, type Metric, readMetrics } from "./folder.ts";
import type { PretrainReporter } from "./progress.ts";
import { writeState } from "./state.ts";

/** Losses that are read together. */
export const LOSSES_TOGETHER = 10;
/** Steps between two lines of metrics. */
const LINE_STEPS = 50;
/** Batches of an evaluation. */
const EVALUATION_BATCHES = 16;

/** What the steps need. */
export interface StepsJob {
  readonly config: PretrainConfig;
  readonly pace: PretrainPace;
  readonly folder: string;
  readonly trainer: Trainer;
  readonly objective: Objective;
  readonly train: TokenCorpus;
  readonly validation: TokenCorpus;
}

/**
 * Takes the steps that are left; returns the state after the last one, which is saved.
 *
 * @throws UserError when the loss diverges, and the signal's reason, with the state saved, once it is aborted.
 */
export async function trainSteps(
  job: StepsJob,
  start: PretrainState,
  reporter: PretrainReporter,
  signal: AbortSignal,
): Promise<PretrainState> {
  const { config, pace, folder, trainer } = job;
  const batches = batchesOf(job.objective, job.train, config);
  const evaluation = evaluationBatches(job);
  const before = (await readMetrics(folder, start.steps)).at(-1)?.seconds ?? 0;
  const began = performance.now();
  let lineBegan = began;
  let saved = began;
  let losses: number[] = [];

  const collectLosses = async (taken: number): Promise<void> => {
    losses.push(...await trainer.losses());
    if (!losses.every(Number.isFinite)) throw diverged(taken, folder);
    reporter.step(taken, losses.at(-1));
  };
  const tell = async (taken: number, evaluates: boolean): Promise<void> => {
    const seconds = (performance.now() - lineBegan) / 1000;
    const metric: Metric = {
      step: taken,
      loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
      ...(evaluates && { validationLoss: await validationLoss(trainer, evaluation) }),
      learningRate: config.learningRate * rateFactor(config, taken - 1),
      tokensPerSecond: losses.length * config.batch * config.tokens / seconds,
      seconds: before + (performance.now() - began) / 1000,
    };
    await appendMetric(folder, metric);
    reporter.metric(metric);
    losses = [];
    lineBegan = performance.now();
  };
  const save = async (taken: number): Promise<PretrainState> => {
    const state = await trainer.state(taken);
    // A step's own loss says nothing of the weights it leaves: one that cannot be gone on from must not replace one that can.
    if (!state.parameters.every(Number.isFinite)) throw diverged(taken, folder);
    await writeState(folder, trainer.layout, state);
    saved = performance.now();
    return state;
  };

  trainer.install(start);
  reporter.start(start.steps, config.steps);
  let state = start;
  for (let taken = start.steps; taken < config.steps;) {
    trainer.step(taken, batches(taken));
    taken++;
    await letTasksRun();
    // Asked once: a signal that comes while something is written below ends the next step, which is then saved.
    const stops = signal.aborted;
    const last = taken === config.steps || stops;
    const evaluates = taken % pace.evaluateEvery === 0 || taken === config.steps;
    const tells = taken % LINE_STEPS === 0 || evaluates || last;
    const saves = last || performance.now() - saved > 60_000 * pace.checkpointMinutes;
    if (taken % LOSSES_TOGETHER === 0 || tells) await collectLosses(taken);
    if (tells) await tell(taken, evaluates);
    if (saves) state = await save(taken);
    if (stops) signal.throwIfAborted();
  }
  return state;
}

/** The same batches, masked alike, at every evaluation: its losses can be compared. */
function evaluationBatches({ objective, validation, config }: StepsJob): PretrainBatch[] {
  const batchOf = batchesOf(objective, validation, { ...config, seed: config.seed + 1 });
  const most = Math.ceil(blockCount(objective, validation, config.tokens) / config.batch);
  return Array.from({ length: Math.min(EVALUATION_BATCHES, most) }, (_, i) => batchOf(i));
}

async function validationLoss(trainer: Trainer, batches: PretrainBatch[]): Promise<number> {
  const { loss, predictions } = await trainer.evaluate(batches);
  return loss / predictions;
}

function diverged(taken: number, folder: string): UserError {
  return new UserError(
    `Cannot go on: the loss diverged within ${taken} steps; the last good checkpoint is in ${folder}, to be continued with --resume and a lower --learning-rate`,
  );
}
