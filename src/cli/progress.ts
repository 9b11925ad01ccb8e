/**
 * What a run tells while it runs: a bar on a terminal, plain lines elsewhere, JSON lines for programs.
 *
 * @module
 */
import {
  type AnyRoundRecord,
  type AnyRunSummary,
  isTokenRecord,
  isTokenSummary,
  perplexityOf,
  type RunSummary,
  type TokenRunSummary,
} from "../protocol/records.ts";
import type { RunProfile } from "./profile.ts";
import { printableLines } from "./printable.ts";
import { profileText } from "./profile_text.ts";
import { type Bar, openBar } from "./progress_bar.ts";
import {
  bytesText,
  counted,
  countText,
  durationText,
  percentText,
  perplexityText,
} from "./units.ts";

/** The size of a run. */
export interface RunSize {
  readonly rounds: number;
  /** Rounds done before, when the run is resumed. */
  readonly done: number;
  /** Clients that a round samples. */
  readonly clients: number;
  /** Local steps of a client in a round. */
  readonly steps: number;
}

/** A local step that has just been taken. Numbers count from 1. */
export interface StepProgress {
  readonly round: number;
  readonly client: number;
  readonly step: number;
  /** The client's place among those that train in the round, and how many they are. */
  readonly place: number;
  readonly places: number;
}

/** Work before the first round that takes time, e.g. "Tokenizing texts". */
export interface Preparation {
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

/** Receives a run's events in order. */
export interface Reporter {
  /** Something worth a line: where the run is written, what the base is, a warning. */
  note(text: string): void;
  prepare(preparation: Preparation): void;
  start(size: RunSize): void;
  step(progress: StepProgress): void;
  round(record: AnyRoundRecord): void;
  done(summary: AnyRunSummary): void;
  /** Where the time went, after `done`. */
  profile(profile: RunProfile): void;
  /** Ends what is still drawn; call it also when the run fails. */
  close(): void;
}

/** Writes one line; the line break is the writer's. */
export type WriteLine = (line: string) => void;

/**
 * The reporter for where the output goes.
 *
 * @param format "json" for one JSON object a line; "text" for a bar when stderr is a terminal, else plain lines
 */
export function createReporter(format: "text" | "json"): Promise<Reporter> {
  return chooseReporter(format, { json: jsonReporter, lines: lineReporter, bar: barReporter });
}

/** Makes the one of a command's reporters that suits where the output goes, as {@linkcode createReporter} does. */
export async function chooseReporter<R>(format: "text" | "json", reporters: {
  json(write: WriteLine): R;
  lines(write: WriteLine): R;
  bar(write: WriteLine, bar: Bar): R;
}): Promise<R> {
  const write: WriteLine = (line) => console.log(printableLines(line));
  if (format === "json") return reporters.json(write);
  if (!Deno.stderr.isTerminal()) return reporters.lines(write);
  return reporters.bar(write, await openBar());
}

/**
 * One JSON object a line, told apart by `type`: note, prepare (at its begin and end), start, client (one has ended its local steps),
 * round, done, profile.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { jsonReporter } from "./progress.ts";
 * const lines: string[] = [];
 * jsonReporter((line) => lines.push(line)).note("Training on cpu");
 * assert.deepEqual(lines, ['{"type":"note","text":"Training on cpu"}']);
 * ```
 */
export function jsonReporter(write: WriteLine): Reporter {
  const emit = (type: string, event: object): void => write(JSON.stringify({ type, ...event }));
  let steps = 0;
  return {
    note: (text) => emit("note", { text }),
    prepare(preparation) {
      if (preparation.done === 0 || preparation.done === preparation.total) {
        emit("prepare", preparation);
      }
    },
    start(size) {
      steps = size.steps;
      emit("start", size);
    },
    step({ round, client, step }) {
      if (step === steps) emit("client", { round, client });
    },
    round: (record) => emit("round", record),
    done: (summary) => emit("done", summary),
    profile: (profile) => emit("profile", profile),
    close() {},
  };
}

/** Plain lines: one a round. */
export function lineReporter(write: WriteLine): Reporter {
  let rounds = 0;
  let preparing = "";
  return {
    note: (text) => write(text),
    prepare({ label, total }) {
      if (label !== preparing) write(`${label} (${countText(total)})`);
      preparing = label;
    },
    start: (size) => rounds = size.rounds,
    step() {},
    round: (record) => write(roundLine(record, rounds)),
    done: (summary) => doneLines(summary).forEach(write),
    profile: (profile) => profileText(profile).forEach(write),
    close() {},
  };
}

/** A bar under the lines of lineReporter. */
export function barReporter(write: WriteLine, bar: Bar): Reporter {
  const lines = lineReporter((line) => bar.above(() => write(line)));
  let size: RunSize = { rounds: 0, done: 0, clients: 0, steps: 0 };
  let preparing = "";
  return {
    ...lines,
    prepare({ label, done, total }) {
      if (label !== preparing) bar.start(total);
      preparing = label;
      bar.update(done, label);
    },
    start(given) {
      lines.start(given);
      size = given;
      bar.start((size.rounds - size.done) * size.clients * size.steps);
    },
    step({ round, step, place, places }) {
      // Fewer than are sampled may train: their steps fill the round all the same.
      const ofRound = (place - 1 + step / size.steps) / places;
      const taken = (round - 1 - size.done + ofRound) * size.clients * size.steps;
      bar.update(
        Math.round(taken),
        `round ${round}/${size.rounds} · client ${place}/${places}`,
      );
    },
    done(summary) {
      bar.stop();
      lines.done(summary);
    },
    close: () => bar.stop(),
  };
}

/** A round as one line; columns keep their places from round to round. */
export function roundLine(record: AnyRoundRecord, rounds: number): string {
  const width = String(rounds).length;
  return [
    `round ${String(record.round).padStart(width)}/${rounds}`,
    isTokenRecord(record)
      ? `perplexity ${perplexityText(record.perplexity)}`
      : `accuracy ${percentText(record.accuracy).padStart(6)}`,
    `loss ${record.loss.toFixed(3)}`,
    `train ${record.trainLoss?.toFixed(3) ?? "—"}`,
    `up ${bytesText(record.upBytes.total)}`,
    `down ${bytesText(record.downBytes.total)}`,
    ...attendanceText(record),
    // Worth a word only while some components have never been trained.
    ...(record.trainedShare < 1 ? [`trained ${percentText(record.trainedShare, 0)}`] : []),
    ...(isTokenRecord(record) ? [`${countText(record.tokensPerSecond)} tokens/s`] : []),
    durationText(record.seconds),
  ].join("  ");
}

/** Worth a word only where not everyone who was sampled answered, or others did. */
function attendanceText({ attendance: { sampled, answered, arrived } }: AnyRoundRecord): string[] {
  if (answered === sampled && arrived === 0) return [];
  return [`answered ${answered} of ${sampled}${arrived > 0 ? ` and ${arrived} late` : ""}`];
}

function doneLines(summary: AnyRunSummary): string[] {
  const { upBytes, downBytes, seconds } = summary;
  return [
    ...(isTokenSummary(summary) ? tokenLines(summary) : accuracyLines(summary)),
    `Sent: ${bytesText(upBytes.total)} up, ${bytesText(downBytes.total)} down, in ` +
    durationText(seconds),
  ];
}

function accuracyLines({ best, final, test, chance, labels }: RunSummary): string[] {
  return [
    `Validation accuracy: ${percentText(final.accuracy)} after the last round, best ` +
    `${percentText(best.accuracy)} after round ${best.round} (chance ${percentText(chance)}, ` +
    `${labels} labels)`,
    `Worst client: ${percentText(final.worstClient)} after the last round, by its own labels`,
    ...(test
      ? [
        `Test accuracy: ${percentText(test.accuracyAtFinal)} after the last round, ` +
        `${percentText(test.accuracyAtBest)} at the best on validation (${
          counted(test.rows, "row")
        })`,
      ]
      : []),
  ];
}

function tokenLines({ best, final, test, tokensPerSecond }: TokenRunSummary): string[] {
  const told = (loss: number) => `${perplexityText(perplexityOf(loss))} (loss ${loss.toFixed(3)})`;
  return [
    `Validation perplexity: ${told(final.loss)} after the last round, best ` +
    `${told(best.loss)} after round ${best.round}`,
    ...(test
      ? [
        `Test perplexity: ${told(test.lossAtFinal)} after the last round, ` +
        `${told(test.lossAtBest)} at the best on validation (${counted(test.tokens, "token")})`,
      ]
      : []),
    `Speed: ${countText(tokensPerSecond)} tokens/s, evaluation included`,
  ];
}
