import { join } from "node:path";
import type { StudyResults } from "../../study/study_results.ts";
import { writeAtomically } from "../write_atomically.ts";
import { figureFile } from "./report/figure.ts";
import { renderHtml } from "./report/html.ts";
import { renderMarkdown } from "./report/markdown.ts";
import { studyReport } from "./report/study_report.ts";

/**
 * Writes a study's report into its folder: report.html, and report.md with its figures in the folder `figures`.
 *
 * @throws UserError naming the runs that cannot be compared; nothing is written then.
 */
export async function writeReport(folder: string, results: StudyResults): Promise<void> {
  const report = studyReport(results);
  const figures = report.sections.flatMap(({ blocks }) =>
    blocks.flatMap((block) => block.kind === "figures" ? block.figures : [])
  );
  for (const { file, figure } of figures) {
    await writeAtomically(join(folder, "figures", file), figureFile(figure));
  }
  await writeAtomically(join(folder, "report.md"), renderMarkdown(report));
  await writeAtomically(join(folder, "report.html"), renderHtml(report));
}
