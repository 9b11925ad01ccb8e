/** How an installed adapter does on rows. @module */

import { BUFFERS } from "./classifier.ts";
import { letTasksRun } from "./let_tasks_run.ts";
import { type ClassifierBatch, type Session, writeBatch } from "./session.ts";

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

/** Counts what the installed adapter gets right, and sums its loss, over the real rows of some batches. Nothing is dropped out. */
export async function evaluate(
  session: Session,
  batches: Iterable<ClassifierBatch>,
): Promise<Evaluation> {
  const { executor, classifier: { model, labels }, evaluationRing } = session;
  const perLabel = Array.from({ length: labels }, () => ({ rows: 0, correct: 0 }));
  let loss = 0;
  let pending: ClassifierBatch[] = [];
  const collect = async () => {
    if (pending.length === 0) return;
    const rows = pending[0].B;
    const count = pending.length * rows;
    const logits = await executor.read(BUFFERS.logits, 0, count * labels) as Float32Array;
    const losses = await executor.read(BUFFERS.evaluationLosses, 0, count) as Float32Array;
    pending.forEach((batch, i) => {
      for (let row = 0; row < batch.rows; row++) {
        const at = i * rows + row;
        const label = batch.labels[row];
        perLabel[label].rows++;
        if (highest(logits.subarray(at * labels, (at + 1) * labels)) === label) {
          perLabel[label].correct++;
        }
        // The row losses come weighted by 1 / rows.
        loss += losses[at] / batch.weights[row];
      }
    });
    pending = [];
  };
  for (const batch of batches) {
    writeBatch(executor, model.positions, batch);
    executor.write(BUFFERS.cursor, Uint32Array.of(pending.length));
    executor.run(`evaluate ${batch.B}×${batch.T}`);
    pending.push(batch);
    if (pending.length === evaluationRing) await collect();
    await letTasksRun();
  }
  await collect();
  const sum = (key: keyof LabelCount) => perLabel.reduce((all, count) => all + count[key], 0);
  return { rows: sum("rows"), correct: sum("correct"), loss, perLabel };
}

/** Place of the highest logit, the first of several. */
function highest(logits: Float32Array): number {
  let best = 0;
  for (let label = 1; label < logits.length; label++) {
    if (logits[label] > logits[best]) best = label;
  }
  return best;
}
