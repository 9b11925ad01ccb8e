/**
 * Scores of published banks: clients' own held-out rows, and evaluators' test sets.
 *
 * @module
 */

import type {
  EvaluationReport,
  RoundStatus,
  Score,
  SeatRole,
} from "../../src/protocol/http/documents.ts";
import type { Queries, Transaction } from "../store/database.ts";
import { changeRun } from "./change_run.ts";
import { spendNonce } from "./nonces.ts";
import { recorded } from "./refusals.ts";
import { requireMember } from "./rows.ts";
import { type Service, ServiceError, type Signed } from "./service.ts";

/** Takes a score; a later one of the same bank and client replaces it. */
export async function recordEvaluation(
  service: Service,
  run: string,
  client: number,
  report: EvaluationReport,
  signed: Signed,
): Promise<void> {
  const { rounds, rows, correct, loss } = report;
  const now = service.now();
  const work = () =>
    changeRun(service, "record-evaluation", run, async (transaction, row) => {
      const { role } = await requireMember(transaction, run, client);
      await spendNonce(transaction, signed, now);
      checkReport(report, row.state === "draft" ? -1 : row.roundsDone);
      await transaction.query(
        "INSERT INTO evaluations (run, rounds, client, role, rows, correct, loss) " +
          "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (run, rounds, client) DO UPDATE " +
          "SET rows = excluded.rows, correct = excluded.correct, loss = excluded.loss",
        [run, rounds, client, role, rows, correct, loss],
      );
      await keepScores(transaction, run, rounds);
    });
  await recorded(service, run, { client, round: null }, work);
}

/** Sums over all parties must stay numbers that both databases can hold. */
const MOST_ROWS = 1e9;
const MOST_LOSS = 1e300;

function checkReport({ rounds, rows, correct, loss }: EvaluationReport, published: number): void {
  const isWhole = (value: number, least: number, most: number) =>
    Number.isSafeInteger(value) && value >= least && value <= most;
  const sound = isWhole(rows, 1, MOST_ROWS) && isWhole(correct, 0, rows) &&
    loss >= 0 && loss <= MOST_LOSS;
  if (!sound) {
    throw new ServiceError(
      "malformed",
      "Cannot take the evaluation: expected rows of at least 1, correct of 0 to rows and a loss " +
        `of at least 0, got ${rows}, ${correct} and ${loss}`,
      "malformed",
    );
  }
  if (!isWhole(rounds, 0, published)) {
    throw new ServiceError(
      "conflict",
      `Cannot take the evaluation: the bank after ${rounds} rounds is not published`,
      "wrong-round",
    );
  }
}

/** The scores of a bank. */
export type BankScores = Pick<RoundStatus, "heldOut" | "evaluators">;

/** Of a bank that nobody scored. */
export const NO_SCORES: BankScores = { heldOut: null, evaluators: null };

/** Adds up the evaluations of a bank anew. A score weighs each party by its rows. */
async function keepScores(transaction: Transaction, run: string, rounds: number): Promise<void> {
  const sums = await transaction.query<
    { role: SeatRole; rows: number; correct: number; loss: number; parties: number }
  >(
    "SELECT role, CAST(SUM(rows) AS BIGINT) AS rows, " +
      "CAST(SUM(correct) AS BIGINT) AS correct, SUM(loss ORDER BY client) AS loss, " +
      "COUNT(*) AS parties FROM evaluations WHERE run = $1 AND rounds = $2 GROUP BY role",
    [run, rounds],
  );
  const scoreOf = (role: SeatRole): Score | null => {
    const sum = sums.find((of) => of.role === role);
    if (sum === undefined) return null;
    const { rows, correct, loss, parties } = sum;
    return { accuracy: correct / rows, loss: loss / rows, rows, parties };
  };
  const scores: BankScores = { heldOut: scoreOf("client"), evaluators: scoreOf("evaluator") };
  await transaction.query("UPDATE banks SET scores = $3 WHERE run = $1 AND rounds = $2", [
    run,
    rounds,
    JSON.stringify(scores),
  ]);
}

/** The scores of all banks that somebody scored, by rounds done. */
export async function scoresOf(
  queries: Queries,
  run: string,
): Promise<ReadonlyMap<number, BankScores>> {
  const rows = await queries.query<{ rounds: number; scores: string }>(
    "SELECT rounds, scores FROM banks WHERE run = $1 AND scores IS NOT NULL",
    [run],
  );
  return new Map(rows.map(({ rounds, scores }) => [rounds, JSON.parse(scores)]));
}

/** Rounds behind the bank with the best held-out accuracy, the first of several; by the evaluators where no client reports. */
export function bestRounds(scores: ReadonlyMap<number, BankScores>): number | undefined {
  const of = (key: "heldOut" | "evaluators") =>
    [...scores]
      .flatMap(([rounds, { [key]: score }]) => score ? { rounds, accuracy: score.accuracy } : [])
      .sort((x, y) => y.accuracy - x.accuracy || x.rounds - y.rounds)[0]?.rounds;
  return of("heldOut") ?? of("evaluators");
}
