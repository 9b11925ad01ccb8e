/** A run's status in lines and tables. @module */

import type {
  AnyScore,
  CurrentRound,
  RoundStatus,
  RunStatus,
  SeatStatus,
} from "../../protocol/http/documents.ts";
import { isTokenScore } from "../../protocol/http/scores.ts";
import { printable } from "../printable.ts";
import {
  bytesText,
  counted,
  countText,
  durationText,
  percentText,
  perplexityText,
} from "../units.ts";
import { taskText } from "./task_text.ts";
import { textTable } from "./text_table.ts";

/**
 * Where a run stands, in a few lines.
 *
 * @param now the server's clock, in milliseconds since 1970
 */
export function statusLines(status: RunStatus, now: number): string[] {
  const { facts, rounds, roundsDone, current, retries } = status;
  const lines = [
    `Run      ${status.run} "${status.name}", ${stateText(status)}`,
    `Model    ${facts.model}, ${counted(status.modules.length, "module")} adapted at rank ` +
    `${status.rank}, ${taskText(status.task, status.labels)}`,
    `Method   ${facts.method}, ranks ${facts.ranks}`,
    `Rounds   ${roundsDone} of ${rounds} done; ${facts.perRound} of ${
      counted(facts.seats, "client")
    } a round, ` +
    `quorum ${facts.quorum}, at most ${durationText(facts.deadlineSeconds)}`,
  ];
  if (current !== null) lines.push(`Now      ${currentText(current, now)}`);
  const last = status.published.at(-1);
  const scored = status.published.findLast(({ heldOut }) => heldOut !== null);
  if (scored?.heldOut) {
    const after = scored === last ? "" : ` after round ${scored.round}`;
    lines.push(`Score    ${scoreText(scored.heldOut)}${after}`);
  }
  if (retries > 0) lines.push(`Missed   ${counted(retries, "attempt")} without a quorum`);
  const refused = Object.entries(status.rejectCounts).filter(([, count]) => count > 0);
  if (refused.length > 0) {
    const reasons = refused.map(([reason, count]) => `${count} ${reason}`).join(", ");
    lines.push(`Refused  ${reasons}`);
  }
  return lines.map(printable);
}

/** A run's state, with what it waits for. */
function stateText({ state, seats }: RunStatus): string {
  if (state !== "waiting") return state;
  const clients = seats.filter(({ role }) => role === "client");
  const ready = clients.filter(({ state }) => state === "ready");
  return `waiting: ${ready.length} of ${counted(clients.length, "client")} ready`;
}

function currentText(
  { round, attempt, state, sampled, received, deadline }: CurrentRound,
  now: number,
) {
  const tries = attempt === 0 ? "" : `, attempt ${attempt + 1}`;
  const updates = `${received.length} of ${counted(sampled.length, "update")}`;
  const left = Math.max(0, deadline - now) / 1000;
  const time = state === "open" || state === "collecting" ? `, ${durationText(left)} left` : "";
  return `round ${round + 1}${tries}, ${state}: ${updates}${time}`;
}

/** "43.2 % accuracy, loss 1.234 on 1,000 rows of 10 clients"; "perplexity 37.5, loss 3.624 on 9,000 tokens of 10 clients". */
export function scoreText(score: AnyScore): string {
  const of = isTokenScore(score)
    ? [`perplexity ${figureText(score)}`, counted(score.tokens, "token")]
    : [`${figureText(score)} accuracy`, counted(score.rows, "row")];
  const [figure, rows] = of;
  return `${figure}, loss ${score.loss.toFixed(3)} on ${rows} of ${
    counted(score.parties, "client")
  }`;
}

/** The accuracy, or a language model's perplexity. */
function figureText(score: AnyScore): string {
  return isTokenScore(score) ? perplexityText(score.perplexity) : percentText(score.accuracy);
}

/** The seats, one a line. */
export function seatTable(seats: readonly SeatStatus[], now: number): string[] {
  const columns = [
    { heading: "Seat" },
    { heading: "Name" },
    { heading: "Rank", right: true },
    { heading: "Rows", right: true },
    { heading: "State" },
    { heading: "Does" },
    { heading: "Last heard", right: true },
  ];
  return textTable(columns, seats.map((seat) => seatRow(seat, now)));
}

function seatRow(seat: SeatStatus, now: number): string[] {
  const { client, role, name, rank, samples, state, activity, progress, lastContact } = seat;
  const does = activity === "training" && progress
    ? `training ${progress.step}/${progress.steps}`
    : activity;
  return [
    `${role} ${client}`,
    name ?? "",
    rank === null || role === "evaluator" ? "" : String(rank),
    samples === null ? "" : countText(samples),
    state,
    state === "ready" ? does : "",
    lastContact === null ? "never" : `${durationText(Math.max(0, now - lastContact) / 1000)} ago`,
  ];
}

/** Published rounds, one a line. */
export function roundTable({ task, published }: Pick<RunStatus, "task" | "published">): string[] {
  const headings = [
    "Round",
    task === "classify" ? "Accuracy" : "Perplexity",
    "Loss",
    "Evaluators",
    "Clients",
    "Attempts",
    "Up",
    "Down",
    "Trained",
  ];
  return textTable(headings.map((heading) => ({ heading, right: true })), published.map(roundRow));
}

function roundRow(round: RoundStatus): string[] {
  const { heldOut, evaluators } = round;
  return [
    String(round.round),
    heldOut ? figureText(heldOut) : "",
    heldOut ? heldOut.loss.toFixed(3) : "",
    evaluators ? figureText(evaluators) : "",
    round.round === 0 ? "" : String(round.contributors.length),
    round.round === 0 ? "" : String(round.attempts),
    round.round === 0 ? "" : bytesText(round.upBytes.total),
    round.round === 0 ? "" : bytesText(round.downBytes.total),
    percentText(round.trainedShare),
  ];
}
