import { methodsOf, runsOf, type StudyResults } from "../../../study/study_results.ts";
import { settingsText } from "../../../federated/setting_text.ts";
import { counted } from "../../units.ts";
import {
  accuracyFigure,
  costAndLossFigures,
  differenceFigure,
  singlesFigure,
  trainedFigure,
} from "./cell_figures.ts";
import { type CellContext, rankedMethods } from "./cell_context.ts";
import { accuracyTable, costTable, differenceTable, dropTable } from "./cell_tables.ts";
import { distributionFigure } from "./distribution_figure.ts";
import type { Block, Section } from "./document.ts";
import type { Look } from "./method_look.ts";

/** Everything of one cell. */
export function cellSection(
  results: StudyResults,
  cell: string,
  looks: ReadonlyMap<string, Look>,
): Section {
  const about = cellText(results, cell);
  const context = { results, cell, looks, baseline: baselineOf(results, cell) };
  const methods = rankedMethods(context);
  if (methods.length === 0) {
    return {
      title: cell,
      about,
      blocks: [{
        kind: "prose",
        title: "Nothing to show",
        paragraphs: ["No run of this cell is finished."],
      }],
    };
  }
  return { title: cell, about, blocks: cellBlocks(context, methods) };
}

function cellBlocks(context: CellContext, methods: readonly string[]): Block[] {
  const { baseline } = context;
  const distribution = distributionFigure(context);
  const compared = methods.length > 1 && methods.includes(baseline);
  return [
    accuracyTable(context),
    { kind: "figures", figures: [accuracyFigure(context)] },
    ...(methods.length > 3
      ? [{ kind: "figures", figures: [singlesFigure(context)], folded: true } as const]
      : []),
    { kind: "figures", figures: costAndLossFigures(context) },
    costTable(context),
    ...(compared
      ? [
        { kind: "figures", figures: [differenceFigure(context)] } as const,
        differenceTable(context),
      ]
      : []),
    ...(distribution === undefined ? [] : [{ kind: "figures", figures: [distribution] } as const]),
    dropTable(context),
    { kind: "figures", figures: [trainedFigure(context)] },
  ];
}

/** The study's baseline; else what most claims compare with, else the first method: of those that the cell runs. */
function baselineOf({ study }: StudyResults, cell: string): string {
  const methods = methodsOf(study, cell);
  if (study.baseline !== undefined && methods.includes(study.baseline)) return study.baseline;
  const named = (method: string): number =>
    study.claims.filter(({ than }) => than === method).length;
  return methods.reduce((most, method) => named(method) > named(most) ? method : most);
}

/** A cell's own settings and what data they led to. */
function cellText(results: StudyResults, cell: string): string {
  const { study } = results;
  const own = settingsText(Object.entries(study.cells[cell]));
  const runs = methodsOf(study, cell).flatMap((method) => runsOf(results, cell, method));
  if (runs.length === 0) return own;
  const { facts, config, rounds } = runs[0];
  const facing = [
    `${facts.data}, ${facts.model}`,
    `${facts.labels.length} labels`,
    `${facts.trainRows} training, ${facts.validationRows} validation and ${facts.testRows} test rows`,
    counted(rounds.length, "round"),
    ...(config.localSteps === undefined ? [] : [counted(config.localSteps, "local step")]),
  ];
  return `${own === "" ? "" : `${own}. `}${facing.join("; ")}.`;
}
