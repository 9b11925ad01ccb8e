/**
 * Scores of published banks: clients' own held-out rows, and evaluators' test sets.
 *
 * @module
 */

import type {
  AnyEvaluationReport,
  AnyScore,
  RoundStatus,
  SeatRole,
} from "../../src/protocol/http/documents.ts";
import { isTokenReport, MOST_LOSS, scoreMerit } from "../../src/protocol/http/scores.ts";
import { taskOf } from "../../src/protocol/manifest_task.ts";
import { perplexityOf } from "../../src/protocol/records.ts";
import type { Task } from "../../src/protocol/task.ts";
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
  report: AnyEvaluationReport,
  signed: Signed,
): Promise<void> {
  const { rounds, loss } = report;
  const now = service.now();
  const work = () =>
    changeRun(service, "record-evaluation", run, async (transaction, row) => {
      const { role } = await requireMember(transaction, run, client);
      await spendNonce(transaction, signed, now);
      const { count, correct } = countsOf(report, taskOf(row.manifest));
      checkSums(count, loss);
      checkRounds(rounds, row.state === "draft" ? -1 : row.roundsDone);
      await transaction.query(
        "INSERT INTO evaluations (run, rounds, client, role, count, correct, loss) " +
          "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (run, rounds, client) DO UPDATE " +
          "SET count = excluded.count, correct = excluded.correct, loss = excluded.loss",
        [run, rounds, client, role, count, correct, loss],
      );
      await keepScores(transaction, run, rounds);
    });
  await recorded(service, run, { client, round: null }, work);
}

/** Most rows or tokens of one report. */
const MOST_COUNT = 1e9;

/** What a report counts: rows and those predicted right, or the predictions of a language model, of which none is right or wrong. */
interface Counts {
  readonly count: number;
  readonly correct: number | null;
}

function countsOf(report: AnyEvaluationReport, task: Task): Counts {
  if (isTokenReport(report)) {
    if (task !== "classify") return { count: report.tokens, correct: null };
    throw malformed("the run trains a classifier: expected its rows and correct ones, got tokens");
  }
  const { rows, correct } = report;
  if (task !== "classify") {
    throw malformed(
      "the run trains a language model, which has no accuracy: expected tokens and their loss, got rows and correct ones",
    );
  }
  if (isWhole(correct, 0, rows)) return { count: rows, correct };
  throw malformed(`expected correct of 0 to rows, ${rows}, got ${correct}`);
}

function checkSums(count: number, loss: number): void {
  if (!isWhole(count, 1, MOST_COUNT)) {
    throw malformed(`expected 1 to ${MOST_COUNT} rows or tokens, got ${count}`);
  }
  if (!(loss >= 0 && loss <= MOST_LOSS)) {
    throw malformed(`expected a loss of 0 to ${MOST_LOSS}, got ${loss}`);
  }
}

function checkRounds(rounds: number, published: number): void {
  if (isWhole(rounds, 0, published)) return;
  throw new ServiceError(
    "conflict",
    `Cannot take the evaluation: the bank after ${rounds} rounds is not published`,
    "wrong-round",
  );
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function malformed(why: string): ServiceError {
  return new ServiceError("malformed", `Cannot take the evaluation: ${why}`, "malformed");
}

/** The scores of a bank. */
export type BankScores = Pick<RoundStatus, "heldOut" | "evaluators">;

/** Of a bank that nobody scored. */
export const NO_SCORES: BankScores = { heldOut: null, evaluators: null };

/** Adds up the evaluations of a bank anew. A score weighs each party by its rows, or predictions. */
async function keepScores(transaction: Transaction, run: string, rounds: number): Promise<void> {
  const sums = await transaction.query<Sums & { role: SeatRole }>(
    "SELECT role, CAST(SUM(count) AS BIGINT) AS count, " +
      "CAST(SUM(correct) AS BIGINT) AS correct, SUM(loss ORDER BY client) AS loss, " +
      "COUNT(*) AS parties FROM evaluations WHERE run = $1 AND rounds = $2 GROUP BY role",
    [run, rounds],
  );
  const scoreBy = (role: SeatRole): AnyScore | null => {
    const sum = sums.find((of) => of.role === role);
    return sum === undefined ? null : scoreOf(sum);
  };
  const scores: BankScores = { heldOut: scoreBy("client"), evaluators: scoreBy("evaluator") };
  await transaction.query("UPDATE banks SET scores = $3 WHERE run = $1 AND rounds = $2", [
    run,
    rounds,
    JSON.stringify(scores),
  ]);
}

/** Sums over parties. */
interface Sums extends Counts {
  readonly loss: number;
  readonly parties: number;
}

function scoreOf({ count, correct, loss: sum, parties }: Sums): AnyScore {
  const loss = sum / count;
  return correct === null
    ? { perplexity: perplexityOf(loss), loss, tokens: count, parties }
    : { accuracy: correct / count, loss, rows: count, parties };
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

/** Rounds behind the bank with the best held-out score, the first of several; by the evaluators where no client reports. */
export function bestRounds(scores: ReadonlyMap<number, BankScores>): number | undefined {
  const of = (key: "heldOut" | "evaluators") =>
    [...scores]
      .flatMap(([rounds, { [key]: score }]) => score ? { rounds, merit: scoreMerit(score) } : [])
      .sort((x, y) => y.merit - x.merit || x.rounds - y.rounds)[0]?.rounds;
  return of("heldOut") ?? of("evaluators");
}
