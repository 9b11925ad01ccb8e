/** What a client tells while it takes part: lines for people, a bar under them on a terminal, JSON lines for programs. @module */

import type { ClientEvent } from "../../federated/remote/client_job.ts";
import type { ClientEnd } from "../../federated/remote/client_loop.ts";
import type { AnyEvaluationReport, SeatRole } from "../../protocol/http/documents.ts";
import { isTokenReport } from "../../protocol/http/scores.ts";
import { perplexityOf } from "../../protocol/records.ts";
import { certificateAdvice } from "../certificate_advice.ts";
import { printable } from "../printable.ts";
import type { Preparation, WriteLine } from "../progress.ts";
import type { Bar } from "../progress_bar.ts";
import {
  bytesText,
  counted,
  countText,
  durationText,
  percentText,
  perplexityText,
} from "../units.ts";

/** Who takes part in what. */
export interface ClientIntroduction {
  readonly server: string;
  readonly run: string;
  /** The run's name. */
  readonly runName: string;
  readonly rounds: number;
  /** The client's name. */
  readonly name: string;
  /** Its index in the run. */
  readonly client: number;
  readonly role: SeatRole;
  readonly rank: number;
  readonly samples: number;
  readonly heldOut: number;
  readonly model: string;
  readonly device: string;
  readonly state: string;
}

/** How a client ended, with where its adapter is; null: it was not kept. */
export type ClientResult =
  & (
    | Pick<Extract<ClientEnd, { kind: "finished" }>, "kind" | "rounds" | "heldOut">
    | Extract<ClientEnd, { kind: "stopped" }>
  )
  & { readonly adapter: string | null };

/** Receives what happens, in order. */
export interface ClientOutput {
  note(text: string): void;
  prepare(preparation: Preparation): void;
  /** The server cannot be reached, or can again when `trouble` is undefined. */
  reach(server: string, trouble: string | undefined): void;
  introduce(introduction: ClientIntroduction): void;
  event(event: ClientEvent): void;
  end(result: ClientResult): void;
  /** Ends what is still drawn; call it also when the client fails. */
  close(): void;
}

/** One JSON object a line, told apart by `type`; rounds count from 1. Steps are left out: there are many. */
export function jsonOutput(write: WriteLine): ClientOutput {
  const emit = (type: string, facts: object): void => write(JSON.stringify({ type, ...facts }));
  return {
    note: (text) => emit("note", { text }),
    prepare(preparation) {
      if (preparation.done >= preparation.total) emit("prepare", preparation);
    },
    reach: (server, trouble) =>
      trouble === undefined ? emit("reached", { server }) : emit("unreached", { server, trouble }),
    introduce: (introduction) => emit("client", introduction),
    event({ kind, ...facts }) {
      if (kind === "step") return;
      emit(kind, {
        ...facts,
        ...("round" in facts && { round: facts.round + 1 }),
        ...("losses" in facts && { losses: [...facts.losses] }),
      });
    },
    end: ({ kind, ...facts }) => emit(kind, facts),
    close() {},
  };
}

/** Plain lines. The server's words among them move no cursor. */
export function lineOutput(writeLine: WriteLine): ClientOutput {
  const write: WriteLine = (line) => writeLine(printable(line));
  let rounds = 0;
  let evaluator = false;
  let preparing = "";
  return {
    note: write,
    prepare({ label }) {
      if (label !== preparing) write(label);
      preparing = label;
    },
    reach(server, trouble) {
      if (trouble === undefined) return write(`${server} can be reached again`);
      const advice = certificateAdvice(trouble) ?? "trying again";
      write(`Cannot reach ${server}: ${trouble}; ${advice}`);
    },
    introduce(introduction) {
      rounds = introduction.rounds;
      evaluator = introduction.role === "evaluator";
      introductionLines(introduction).forEach(write);
    },
    event(event) {
      const line = eventLine(event, rounds, evaluator);
      if (line !== undefined) write(line);
    },
    end: (result) => endLines(result, evaluator).forEach(write),
    close() {},
  };
}

/** Plain lines above a bar that shows the steps of a round. */
export function barOutput(write: WriteLine, bar: Bar): ClientOutput {
  const lines = lineOutput((line) => bar.above(() => write(line)));
  let shown = "";
  const show = (label: string, done: number, total: number): void => {
    if (label !== shown) bar.start(total);
    shown = label;
    bar.update(done, label);
  };
  return {
    ...lines,
    prepare: ({ label, done, total }) => show(label, done, total),
    introduce(introduction) {
      bar.stop();
      lines.introduce(introduction);
    },
    event(event) {
      if (event.kind === "step") {
        show(`round ${event.round + 1}`, event.step, event.steps);
        return;
      }
      if (event.kind === "started") shown = "";
      else if (event.kind !== "scored") bar.stop();
      lines.event(event);
    },
    end(result) {
      bar.stop();
      lines.end(result);
    },
    close: () => bar.stop(),
  };
}

function introductionLines(given: ClientIntroduction): string[] {
  const { server, run, runName, rounds, name, client, role, rank } = given;
  const rows = role === "evaluator"
    ? `${counted(given.heldOut, "row")} to score with`
    : `${counted(given.samples, "row")} to train on, ${countText(given.heldOut)} held out`;
  return [
    `Run      ${runName}, ${counted(rounds, "round")} (${run} on ${server})`,
    `Client   ${name}, ${role} ${client}${role === "client" ? ` of rank ${rank}` : ""}; ${rows}`,
    `Model    ${given.model}`,
    `Device   ${given.device}`,
    `State    ${given.state}`,
  ];
}

/** Of "40.0 %", and of most perplexities. */
const FIGURE_WIDTH = 6;

/** What an event is worth; undefined: no line. */
function eventLine(event: ClientEvent, rounds: number, evaluator: boolean): string | undefined {
  switch (event.kind) {
    case "waiting":
      return event.reason === "clients"
        ? "Waiting for other clients"
        : "Waiting for the next round";
    case "round":
      return roundLine(event, rounds);
    case "scored":
      return evaluator ? scoreLine(event.report, rounds) : undefined;
    case "delivered":
      return `round ${placeOf(event.round, rounds)}  delivered what was trained before`;
    case "dropped":
      return `round ${placeOf(event.round, rounds)}  not counted: ${event.why}`;
    case "failed":
      return `round ${placeOf(event.round, rounds)}  failed: ${event.why}; waiting for the next`;
    case "started":
    case "step":
      return undefined;
    default:
      return event satisfies never;
  }
}

/** A round as one line; columns keep their places from round to round. */
function roundLine(
  { round, losses, heldOut, up, down, seconds }: Extract<ClientEvent, { kind: "round" }>,
  rounds: number,
): string {
  return [
    `round ${placeOf(round, rounds)}`,
    `loss ${losses[0].toFixed(3)} → ${losses[losses.length - 1].toFixed(3)}`,
    ...(heldOut ? [`held-out ${figureText(heldOut, FIGURE_WIDTH)}`] : []),
    `up ${bytesText(up)}`,
    `down ${bytesText(down)}`,
    durationText(seconds),
  ].join("  ");
}

function scoreLine(report: AnyEvaluationReport, rounds: number): string {
  const figure = figureText(report, FIGURE_WIDTH);
  return [
    `after round ${placeOf(report.rounds - 1, rounds)}`,
    isTokenReport(report) ? figure : `accuracy ${figure}`,
    `loss ${meanLossOf(report).toFixed(3)}`,
  ].join("  ");
}

function endLines(result: ClientResult, evaluator: boolean): string[] {
  const { kind, rounds, adapter } = result;
  const count = counted(rounds, "round");
  if (kind === "stopped") return [`The run was stopped after ${count}`];
  const { heldOut } = result;
  const score = heldOut ? `: ${finalText(heldOut, evaluator ? "" : "held-out ")}` : "";
  return [
    `The run has ended after ${count}${score}`,
    ...(adapter === null ? [] : [`Adapter  ${adapter}`]),
  ];
}

function placeOf(round: number, rounds: number): string {
  return `${String(round + 1).padStart(String(rounds).length)}/${rounds}`;
}

function finalText(report: AnyEvaluationReport, which: string): string {
  return isTokenReport(report)
    ? `${figureText(report)} on ${counted(report.tokens, `${which}token`)}`
    : `${figureText(report)} of ${counted(report.rows, `${which}row`)} right`;
}

/** "40.0 %", or of a language model "perplexity 37.5"; `width` is that of the number, so that columns keep their places. */
function figureText(report: AnyEvaluationReport, width = 0): string {
  return isTokenReport(report)
    ? `perplexity ${perplexityText(perplexityOf(meanLossOf(report))).padStart(width)}`
    : percentText(report.correct / report.rows).padStart(width);
}

function meanLossOf(report: AnyEvaluationReport): number {
  return report.loss / (isTokenReport(report) ? report.tokens : report.rows);
}
