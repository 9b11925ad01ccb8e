/** An evaluation as files. @module */

import type { Block, Section } from "../study/report/document.ts";
import { renderMarkdown } from "../study/report/markdown.ts";
import type { ClassifierEvaluation, ClassifierResult, EvaluationResult } from "./result.ts";
import { baseText, labelRows, modelTitle, rowsText, scoreColumns, scoreRows } from "./text.ts";

/** The files of an evaluation's folder: all of it as JSON, and as Markdown with every confusion table. */
export const evaluationFileNames = ["evaluation.json", "evaluation.md"] as const;

/** Their content. */
export function evaluationFiles(
  result: EvaluationResult,
): Readonly<Record<typeof evaluationFileNames[number], string>> {
  return {
    "evaluation.json": `${JSON.stringify(result, null, 2)}\n`,
    "evaluation.md": evaluationMarkdown(result),
  };
}

function evaluationMarkdown(result: EvaluationResult): string {
  const { data, device } = result;
  const columns = scoreColumns(result).map(({ heading }) => heading);
  return renderMarkdown({
    title: "Evaluation",
    eyebrow: baseText(result),
    lead: `${data}: ${rowsText(result)}, on ${device}`,
    notes: [],
    sections: [
      { title: "Scores", blocks: [table("Models", columns, scoreRows(result))] },
      ...(result.task === "classify" ? labelSections(result) : []),
    ],
  });
}

function labelSections(result: ClassifierEvaluation): Section[] {
  return [
    {
      title: "Labels",
      about:
        "Of the base and, after the arrow, of the adapter. Precision of a label that is never predicted and recall of one without rows are 0; macro-F1 is the mean over the labels that have rows or were predicted.",
      blocks: [
        table("Scores", ["label", "rows", "precision", "recall", "F1"], labelRows(result)),
      ],
    },
    {
      title: "Confusion",
      about:
        "A row for each label, a column for each label that its rows were taken for, by its number.",
      blocks: result.models.map((model) => confusionTable(model, result)),
    },
  ];
}

function confusionTable(model: ClassifierResult, { labels }: ClassifierEvaluation): Block {
  return table(
    modelTitle(model),
    ["label", ...labels.map((_, place) => String(place + 1))],
    model.confusion.map((row, place) => [`${place + 1} ${labels[place]}`, ...row.map(String)]),
  );
}

/** Labels are texts, all else numbers. */
function table(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Block {
  return { kind: "table", title, texts: 1, head, rows: rows.map((cells) => ({ cells })) };
}
