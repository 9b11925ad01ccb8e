/** The plan of a study as text. @module */

import { hasFailed } from "../../study/study_results.ts";
import { textTable } from "../run/text_table.ts";
import type { RunState, StudyState } from "./study_state.ts";

/** A line for the runs of each method in each cell: how many there are, are done, have failed and are to do. */
export function listLines({ trials, grid }: StudyState): string[] {
  const rows = new Map<string, RunState[]>();
  for (const state of [...trials, ...grid]) {
    const { cell, method, trial } = state.run;
    const key = JSON.stringify([trial === undefined ? cell : "tuning", method]);
    const row = rows.get(key);
    if (row) row.push(state);
    else rows.set(key, [state]);
  }
  const table = [...rows].map((
    [key, states],
  ) => [...JSON.parse(key) as string[], ...counts(states)]);
  return textTable(
    [
      { heading: "Cell" },
      { heading: "Method" },
      { heading: "Runs", right: true },
      { heading: "Done", right: true },
      { heading: "Failed", right: true },
      { heading: "To do", right: true },
    ],
    [...table, ["all", "", ...counts([...trials, ...grid])]],
  );
}

function counts(states: readonly RunState[]): string[] {
  const kept = states.flatMap(({ kept }) => kept ?? []);
  const failed = kept.filter(hasFailed).length;
  return [states.length, kept.length - failed, failed, states.length - kept.length].map(String);
}
