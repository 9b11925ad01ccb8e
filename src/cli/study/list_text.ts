/** The plan of a study as text. @module */

import { hasFailed } from "../../study/study_results.ts";
import { textTable } from "../run/text_table.ts";
import type { RunState, StudyState } from "./study_state.ts";

/** A line for the runs of each method in each cell: how many there are, are done, have failed and are to do. */
export function listLines({ trials, grid }: StudyState): string[] {
  const all = [...trials, ...grid];
  const rows = Map.groupBy(
    all,
    ({ run: { cell, method, trial } }) =>
      JSON.stringify([trial === undefined ? cell : "tuning", method]),
  );
  return textTable(
    [
      { heading: "Cell" },
      { heading: "Method" },
      { heading: "Runs", right: true },
      { heading: "Done", right: true },
      { heading: "Failed", right: true },
      { heading: "To do", right: true },
    ],
    [
      ...[...rows].map(([key, states]) => [...JSON.parse(key) as string[], ...counts(states)]),
      ["all", "", ...counts(all)],
    ],
  );
}

function counts(states: readonly RunState[]): string[] {
  const kept = states.flatMap(({ kept }) => kept ?? []);
  const failed = kept.filter(hasFailed).length;
  return [states.length, kept.length - failed, failed, states.length - kept.length].map(String);
}
