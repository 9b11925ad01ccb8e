import { join } from "node:path";
import { writeAtomically } from "../write_atomically.ts";
import { figureFile } from "./report/figure.ts";
import { renderHtml } from "./report/html.ts";
import { renderMarkdown } from "./report/markdown.ts";
import { readResults } from "./report/read_results.ts";
import { studyReport } from "./report/study_report.ts";

/**
 * Writes a study's report into its folder, of all runs that are there: report.html, and report.md with its figures in the folder `figures`.
 *
 * @throws UserError naming the file that cannot be read, or the runs that cannot be compared.
 */
export async function writeReport(folder: string): Promise<void> {
  const report = studyReport(await readResults(folder));
  const figures = report.sections.flatMap(({ blocks }) =>
    blocks.flatMap((block) => block.kind === "figures" ? block.figures : [])
  );
  for (const { file, figure } of figures) {
    await writeAtomically(join(folder, "figures", file), figureFile(figure));
  }
  await writeAtomically(join(folder, "report.md"), renderMarkdown(report));
  await writeAtomically(join(folder, "report.html"), renderHtml(report));
}
