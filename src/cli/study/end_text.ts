/** What a study says when it has ended, or is reported on. @module */

import { runName } from "../../study/run_place.ts";
import { hasFailed, type StudyResults } from "../../study/study_results.ts";
import { unfinishedRuns } from "../../study/unfinished_runs.ts";

/** Lines that tell which runs have failed, and whether some have no result. */
export function endLines(results: StudyResults): string[] {
  const failed = [...results.trials.filter(hasFailed), ...results.failed]
    .map((run) => `Failed   ${runName(run)}: ${run.failed}`);
  const left = unfinishedRuns(results).length;
  if (left === 0) return failed;
  const told = left === 1 ? "One run has" : `${left} runs have`;
  return [...failed, `${told} no result; deno task study makes ${left === 1 ? "it" : "them"}`];
}
