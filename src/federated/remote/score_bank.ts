/** Scoring published banks on rows of the client's own. @module */

import type { AnyEvaluationReport } from "../../protocol/http/documents.ts";
import { MOST_LOSS } from "../../protocol/http/scores.ts";
import { putEvaluation } from "./api.ts";
import type { BankEvaluation, ClientJob, Scorable } from "./client_job.ts";
import { readJson, writeJson } from "./client_store.ts";
import { isFinal } from "./refusals.ts";
import { RemoteProblem } from "./remote_problem.ts";

/**
 * Scores the bank after `rounds` rounds and reports it; what was scored last is only reported again. A score that cannot be had costs no round.
 *
 * @param fetchModel asked only when there is something to score
 * @returns the report; undefined where there are no rows, the bank is gone, or the server does not want its score.
 */
export async function scoreOnce(
  job: ClientJob,
  rounds: number,
  fetchModel: () => Promise<Scorable>,
): Promise<AnyEvaluationReport | undefined> {
  try {
    return await score(job, rounds, fetchModel);
  } catch (error) {
    if (error instanceof RemoteProblem && !isFinal(error)) return undefined;
    throw error;
  }
}

async function score(
  job: ClientJob,
  rounds: number,
  fetchModel: () => Promise<Scorable>,
): Promise<AnyEvaluationReport | undefined> {
  const { connection, seat, store, trainer, heldOutRows, onEvent } = job;
  if (heldOutRows === 0) return undefined;
  const last = await readJson<AnyEvaluationReport>(
    store,
    "evaluated.json",
    (report) => Number.isSafeInteger(report.rounds),
  );
  if (last?.rounds === rounds) {
    // The server may ask for what it has lost with an older copy of its data.
    await putEvaluation(connection, seat.run, seat.client, last);
    return last;
  }
  const evaluation = await trainer.evaluate(await fetchModel());
  const report = reportOf(rounds, evaluation);
  await writeJson(store, "evaluated.json", report);
  await putEvaluation(connection, seat.run, seat.client, report);
  onEvent({ kind: "scored", report });
  return report;
}

/** What the server is told: sums alone. Of a bank that has diverged too, or an evaluator would be offered it again and again. */
function reportOf(rounds: number, evaluation: BankEvaluation): AnyEvaluationReport {
  const loss = evaluation.loss <= MOST_LOSS ? evaluation.loss : MOST_LOSS;
  if ("tokens" in evaluation) return { rounds, tokens: evaluation.tokens, loss };
  const { rows, correct } = evaluation;
  return { rounds, rows, correct, loss };
}
