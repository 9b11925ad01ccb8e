/** What a study tells while it runs: a line for each run that has ended, and under them, on a terminal, how far it is. @module */

import type { PlannedRun } from "../../study/grid.ts";
import { runName } from "../../study/run_place.ts";
import type { FailedRun, StudyRun } from "../../study/result.ts";
import { hasFailed } from "../../study/study_results.ts";
import { printable, printableLines } from "../printable.ts";
import { durationText, percentText } from "../units.ts";
import type { RunListener } from "./run_once.ts";

/** Where a study's progress goes. */
export interface ProgressOutput {
  /** Writes a line that stays. */
  line(text: string): void;
  /** Shows a line in the place of the last one, "" for none; absent where nothing can be drawn over. */
  readonly status?: ((text: string) => void) | undefined;
  /** Milliseconds that have gone by. */
  now(): number;
}

/** A study's progress. */
export interface StudyProgress {
  note(text: string): void;
  /** Texts of so many runs' kinds are prepared. */
  prepare(done: number, total: number): void;
  /** Says how many runs there are in all, and how many of them are done already. */
  plan(total: number, done: number): void;
  /** A run begins; a second time when it is tried again. */
  begin(run: PlannedRun): RunListener;
  /** A run has ended, with a result or without one. */
  end(run: PlannedRun, outcome: StudyRun | FailedRun | { readonly notDone: string }): void;
  /** Takes the status line away. */
  close(): void;
}

interface RunUnderWay {
  readonly began: number;
  round: number;
}

/** Tells of a study. */
export function studyProgress({ line, status, now }: ProgressOutput): StudyProgress {
  const underWay = new Map<PlannedRun, RunUnderWay>();
  const began = now();
  let total = 0, before = 0, ended = 0;

  const print = (text: string): void => {
    status?.("");
    line(text);
  };
  /** What is done since the beginning, in runs; those under way count by their rounds. */
  const work = (): number => {
    let sum = ended;
    for (const [{ config }, { round }] of underWay) sum += round / (config.rounds + 1);
    return sum;
  };
  const left = (): string => {
    const done = work();
    const rest = total - before - done;
    if (done === 0 || rest <= 0) return "";
    return `${durationText((now() - began) / 1000 / done * rest)} left`;
  };
  const draw = (): void => {
    const rounds = [...underWay].map(([{ method, config }, { round }]) =>
      `${method} ${round}/${config.rounds}`
    );
    const parts = [`${before + ended} of ${total} runs done`, ...rounds, left()];
    status?.(parts.filter((part) => part !== "").join(" · "));
  };

  return {
    note(text) {
      print(text);
      if (total > 0) draw();
    },
    prepare: (done, total) => status?.(`Preparing texts, ${done} of ${total} done`),
    plan(all, done) {
      total = all;
      before = done - ended;
      draw();
    },
    begin(run) {
      const state: RunUnderWay = { began: now(), round: 0 };
      underWay.set(run, state);
      draw();
      return {
        note: (text) => print(`${runName(run)}: ${text}`),
        round(round) {
          state.round = round;
          draw();
        },
      };
    },
    end(run, outcome) {
      const seconds = (now() - underWay.get(run)!.began) / 1000;
      underWay.delete(run);
      ended++;
      const done = String(before + ended).padStart(String(total).length);
      const parts = [
        `${done}/${total}`,
        runName(run),
        ...("notDone" in outcome ? [] : [outcomeText(outcome)]),
        durationText(seconds),
        ...(status ? [] : [left()]),
        // Last, for it may have many lines.
        ...("notDone" in outcome ? [`not done: ${outcome.notDone}`] : []),
      ];
      print(parts.filter((part) => part !== "").join("  "));
      draw();
    },
    close: () => status?.(""),
  };
}

function outcomeText(outcome: StudyRun | FailedRun): string {
  if (hasFailed(outcome)) return `failed: ${outcome.failed}`;
  const { final, test } = outcome.summary;
  const validation = `validation ${percentText(final.accuracy)}`;
  return test ? `${validation}  test ${percentText(test.accuracyAtFinal)}` : validation;
}

/** This process's output: lines on stdout, the status on stderr where that is a terminal. */
export function terminalOutput(): ProgressOutput {
  const encoder = new TextEncoder();
  const status = (text: string): void => {
    const { columns } = Deno.consoleSize();
    // A line that wraps could not be drawn over.
    Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${printable(text).slice(0, columns - 1)}`));
  };
  return {
    line: (text) => console.log(printableLines(text)),
    status: Deno.stderr.isTerminal() ? status : undefined,
    now: () => performance.now(),
  };
}
