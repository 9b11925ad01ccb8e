/** What a study says when it has ended. @module */

import { runName } from "../../study/run_place.ts";
import { hasFailed } from "../../study/study_results.ts";
import type { StudyEnd } from "./run_study.ts";

/** Lines that tell which runs have failed, and whether some are still to do. */
export function endLines({ state: { trials, grid }, notDone }: StudyEnd): string[] {
  const failed = [...trials, ...grid].flatMap(({ run, kept }) =>
    kept !== undefined && hasFailed(kept) ? [`Failed   ${runName(run)}: ${kept.failed}`] : []
  );
  if (notDone === 0) return failed;
  return [
    ...failed,
    `${notDone === 1 ? "One run" : `${notDone} runs`} came to no result; the same command tries ` +
    `${notDone === 1 ? "it" : "them"} again`,
  ];
}
