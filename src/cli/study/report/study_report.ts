import { checkComparable } from "../../../study/check_comparable.ts";
import { gridMethods } from "../../../study/grid.ts";
import { cellsOf, placesOf, type StudyResults } from "../../../study/study_results.ts";
import { unfinishedRuns, untunedMethods } from "../../../study/unfinished_runs.ts";
import { judgeClaims } from "../../../study/verdicts.ts";
import { counted } from "../../units.ts";
import { cellSection } from "./cell_section.ts";
import { claimsSection, overviewSection } from "./claims_section.ts";
import type { ReportDocument } from "./document.ts";
import { methodLooks } from "./method_look.ts";
import { setupSection } from "./setup_section.ts";

/**
 * A study's report.
 *
 * @throws UserError when runs may not be compared with each other.
 */
export function studyReport(results: StudyResults): ReportDocument {
  checkComparable(results);
  const { study, runs } = results;
  const looks = methodLooks(study);
  const findings = judgeClaims(results);
  const cells = cellsOf(study);
  const methods = gridMethods(study);
  const seeds = new Set(study.grid.flatMap((part) => part.seeds));
  return {
    title: study.name,
    eyebrow: "HAFL study",
    lead: `${counted(methods.length, "method")} in ${counted(cells.length, "cell")} with up to ` +
      `${counted(seeds.size, "seed")}; ${
        counted(runs.length, "run")
      } over which the means are taken.`,
    notes: notesOf(results),
    sections: [
      ...(findings.length > 0 ? [overviewSection(findings, cells)] : []),
      ...cells.map((cell) => cellSection(results, cell, looks)),
      ...(findings.length > 0 ? [claimsSection(study, findings)] : []),
      setupSection(results),
    ],
  };
}

function notesOf(results: StudyResults): string[] {
  const { study, failed } = results;
  const planned = placesOf(study).length;
  const untuned = untunedMethods(results);
  const missing = unfinishedRuns(results).filter(({ trial }) => trial === undefined);
  const byCell = Map.groupBy(missing, ({ cell }) => cell);
  return [
    ...(missing.length > 0
      ? [
        `The study is not finished: ${planned - missing.length} of ${planned} runs done. Missing: ${
          [...byCell].map(([cell, runs]) => `${runs.length} of ${cell}`).join(", ")
        }.`,
      ]
      : []),
    ...untuned.map((method) => `${method} is not run: all trials of its tuning failed.`),
    ...(failed.length > 0
      ? [
        `${counted(failed.length, "run")} of ${planned} failed and ${
          failed.length === 1 ? "is" : "are"
        } in no mean: see "What was run".`,
      ]
      : []),
  ];
}
