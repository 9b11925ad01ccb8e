/** The steps of a pretraining, with their checkpoints, evaluations and metrics. @module */

import {
  batchesOf,
  blockCount,
  type Objective,
  type PretrainBatch,
  type TokenCorpus,
} from "../../pretrain/batches.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../pretrain/checkpoint.ts";
import { rateFactor } from "../../pretrain/settings.ts";
import type { PretrainState, Trainer } from "../../pretrain/trainer.ts";
import { initialWeights } from "../../pretrain/weights.ts";
import { UserError } from "../../protocol/errors.ts";
import type { Reporter } from "../progress.ts";
import { countText, durationText } from "../units.ts";
import { writeAtomically } from "../write_atomically.ts";
import { appendMetric, type Metric, partsOf, readMetrics } from "./folder.ts";
import type { PretrainConfig, PretrainPace } from "./settings.ts";

/** Steps between two lines of metrics. */
const LINE_STEPS = 50;
/** Batches of an evaluation, always the same ones. */
const EVALUATION_BATCHES = 16;
/** Standard deviation of the initial matrices, as config.json tells. */
const DEVIATION = 0.02;

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

/** The state to go on from: the checkpoint's, or fresh weights. */
export async function startState(
  { layout }: Trainer,
  folder: string,
  { seed, steps }: PretrainConfig,
  resumed: boolean,
): Promise<PretrainState> {
  if (!resumed) {
    return {
      steps: 0,
      parameters: initialWeights(layout, DEVIATION, seed),
      moments: new Float32Array(2 * layout.length),
    };
  }
  const path = partsOf(folder).checkpoint;
  const file = await Deno.readFile(path).catch((error) => {
    throw new UserError(`Cannot resume from "${folder}": ${error.message}`);
  });
  const state = decodeCheckpoint(layout, file);
  if (state.steps <= steps) return state;
  throw new UserError(
    `Cannot end after ${steps} steps (--steps): ${state.steps} have been taken already`,
  );
}

/** Takes the steps that are left; returns the state after the last one. */
export async function trainSteps(
  job: StepsJob,
  start: PretrainState,
  reporter: Reporter,
  check: () => void,
): Promise<PretrainState> {
  const { config, pace, folder, trainer, objective } = job;
  const batches = batchesOf(objective, job.train, config);
  const before = (await readMetrics(folder, start.steps)).at(-1)?.seconds ?? 0;
  const evaluation = evaluationBatches(job);
  trainer.install(start);
  reporter.start({ rounds: 1, done: 0, clients: 1, steps: config.steps - start.steps });
  const began = performance.now();
  let saved = began;
  let losses: number[] = [];
  let lineBegan = began;
  const save = async (steps: number): Promise<PretrainState> => {
    const state = await trainer.state(steps);
    await writeAtomically(partsOf(folder).checkpoint, encodeCheckpoint(trainer.layout, state));
    saved = performance.now();
    return state;
  };
  let last = start;
  for (let step = start.steps; step < config.steps; step++) {
    trainer.step(step, batches(step));
    await nextTask();
    const taken = step + 1;
    const end = taken === config.steps;
    reporter.step({ round: 1, client: 1, step: taken - start.steps });
    if (taken % 10 !== 0 && !end) continue;
    losses.push(...await trainer.losses());
    if (losses.some((loss) => !Number.isFinite(loss))) {
      throw new UserError(
        `The loss is no longer finite after ${taken} steps: try a lower --learning-rate; the last good checkpoint is in ${folder}`,
      );
    }
    const evaluates = taken % pace.evaluateEvery === 0 || end;
    if (taken % LINE_STEPS === 0 || evaluates) {
      const seconds = (performance.now() - lineBegan) / 1000;
      const metric: Metric = {
        step: taken,
        loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
        ...(evaluates && { validationLoss: await validationLoss(trainer, evaluation) }),
        learningRate: config.learningRate * rateFactor(config, step),
        tokensPerSecond: losses.length * config.batch * config.tokens / seconds,
        seconds: before + (performance.now() - began) / 1000,
      };
      await appendMetric(folder, metric);
      reporter.note(metricLine(metric, config.steps));
      losses = [];
      lineBegan = performance.now();
    }
    const due = performance.now() - saved > 60_000 * pace.checkpointMinutes;
    if (due || end) last = await save(taken);
    try {
      check();
    } catch (stopped) {
      if (!due && !end) await save(taken);
      throw stopped;
    }
  }
  return last;
}

function evaluationBatches({ objective, validation, config }: StepsJob): PretrainBatch[] {
  const seed = config.seed + 1;
  const batchOf = batchesOf(objective, validation, { ...config, seed });
  const most = Math.ceil(blockCount(objective, validation, config.tokens) / config.batch);
  return Array.from({ length: Math.min(EVALUATION_BATCHES, most) }, (_, i) => batchOf(i));
}

async function validationLoss(trainer: Trainer, batches: PretrainBatch[]): Promise<number> {
  const { loss, predictions } = await trainer.evaluate(batches);
  return loss / predictions;
}

/** A metric as one line; columns keep their places. */
function metricLine(
  { step, loss, validationLoss, learningRate, tokensPerSecond, seconds }: Metric,
  steps: number,
): string {
  const total = countText(steps);
  return [
    `step ${countText(step).padStart(total.length)}/${total}`,
    `loss ${loss.toFixed(3)}`,
    `rate ${learningRate.toExponential(1)}`,
    `${countText(tokensPerSecond)} tokens/s`,
    durationText(seconds),
    ...(validationLoss === undefined ? [] : [`held out ${validationLoss.toFixed(3)}`]),
  ].join("  ");
}

/** Lets timers and signal handlers run: promises alone would never give them a turn. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
