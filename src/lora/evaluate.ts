/** How an installed adapter does on rows. @module */

import { BUFFERS } from "./buffers.ts";
import { letTasksRun } from "./let_tasks_run.ts";
import {
  type ClassifierBatch,
  type DeviceBatch,
  type LanguageModelBatch,
  type Session,
  writeBatch,
} from "./session.ts";

/** Sums over evaluated rows. */
export interface Evaluation {
  /** Rows evaluated, without padding. */
  readonly rows: number;
  /** Rows whose label had the highest logit. */
  readonly correct: number;
  /** Sum of the rows' cross-entropies, in nats. */
  readonly loss: number;
  /** [labels]: the same counts for the rows of each label. */
  readonly perLabel: readonly LabelCount[];
}

/** Evaluated rows of one label. */
export interface LabelCount {
  /** Rows of the label. */
  readonly rows: number;
  /** Those whose label had the highest logit. */
  readonly correct: number;
}

/** Told of each row, in their order, its label and the one with the highest logit. */
export type OnPrediction = (label: number, predicted: number) => void;

/** Counts what the installed adapter gets right, and sums its loss, over the real rows of some batches. Nothing is dropped out. */
export async function evaluate(
  session: Session,
  batches: Iterable<ClassifierBatch>,
  onPrediction: OnPrediction = () => {},
): Promise<Evaluation> {
  const { executor, adapted: { labels = 0 } } = session;
  const perLabel = Array.from({ length: labels }, () => ({ rows: 0, correct: 0 }));
  let loss = 0;
  await runInRing(session, batches, async (ran) => {
    const rows = ran[0].B;
    const count = ran.length * rows;
    // A GPU is waited for once for both.
    const [logits, losses] = await Promise.all([
      executor.read(BUFFERS.logits, 0, count * labels) as Promise<Float32Array>,
      executor.read(BUFFERS.evaluationLosses, 0, count) as Promise<Float32Array>,
    ]);
    ran.forEach((batch, i) => {
      for (let row = 0; row < batch.rows; row++) {
        const at = i * rows + row;
        const label = batch.labels[row];
        perLabel[label].rows++;
        const predicted = highest(logits.subarray(at * labels, (at + 1) * labels));
        if (predicted === label) perLabel[label].correct++;
        onPrediction(label, predicted);
        // The row losses come weighted by 1 / rows.
        loss += losses[at] / batch.weights[row];
      }
    });
  });
  const sum = (key: keyof LabelCount) => perLabel.reduce((all, count) => all + count[key], 0);
  return { rows: sum("rows"), correct: sum("correct"), loss, perLabel };
}

/** Sums over the predictions of a language model. */
export interface TokenEvaluation {
  /** Tokens predicted, each from those before it in its document. */
  readonly tokens: number;
  /** Sum of their cross-entropies, in nats. */
  readonly loss: number;
}

/** Of a sequence classifier, or of a language model. */
export type ModelEvaluation = Evaluation | TokenEvaluation;

/** Sums the loss of the installed adapter over the predictions of some batches, whose weights are to be 1. Nothing is dropped out. */
export async function evaluateTokens(
  session: Session,
  batches: Iterable<LanguageModelBatch>,
): Promise<TokenEvaluation> {
  let [tokens, loss] = [0, 0];
  await runInRing(session, batches, async (ran) => {
    const size = ran[0].weights.length;
    const losses = await session.executor.read(
      BUFFERS.evaluationLosses,
      0,
      ran.length * size,
    ) as Float32Array;
    ran.forEach(({ predictions }, i) => {
      tokens += predictions;
      for (let p = 0; p < predictions; p++) loss += losses[i * size + p];
    });
  });
  return { tokens, loss };
}

/** Runs evaluation batches; `collect` reads the results of some that lie in the rings one after the other. */
async function runInRing<Batch extends DeviceBatch>(
  session: Session,
  batches: Iterable<Batch>,
  collect: (ran: readonly Batch[]) => Promise<void>,
): Promise<void> {
  const { executor, evaluationRing } = session;
  let ran: Batch[] = [];
  const empty = async () => {
    if (ran.length > 0) await collect(ran);
    ran = [];
  };
  for (const batch of batches) {
    // Results of rows of another length are so many that they do not lie one after the other.
    if (ran.length > 0 && ran[0].weights.length !== batch.weights.length) await empty();
    writeBatch(session, batch);
    executor.write(BUFFERS.cursor, Uint32Array.of(ran.length));
    executor.run(`evaluate ${batch.B}×${batch.T}`);
    ran.push(batch);
    if (ran.length === evaluationRing) await empty();
    await letTasksRun();
  }
  await empty();
}

/** Place of the highest logit, the first of several. */
function highest(logits: Float32Array): number {
  let best = 0;
  for (let label = 1; label < logits.length; label++) {
    if (logits[label] > logits[best]) best = label;
  }
  return best;
}
