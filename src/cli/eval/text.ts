/** An evaluation as people read it on a terminal. @module */

import { largestMistakes } from "../../lora/metrics.ts";
import { rowNoun } from "../run/task_text.ts";
import { type Column, textTable } from "../run/text_table.ts";
import { counted, countText, percentText, perplexityText } from "../units.ts";
import type { Candidate } from "./models.ts";
import type { ClassifierEvaluation, ClassifierResult, EvaluationResult } from "./result.ts";

/** Confusions that are told on a terminal. */
const TOLD_MISTAKES = 10;
/** Letters of a label's name. */
const LABEL_LENGTH = 28;

/** The lines of an evaluation. */
export function evaluationText(result: EvaluationResult): string {
  const lines = [...headLines(result), "", ...textTable(scoreColumns(result), scoreRows(result))];
  if (result.task === "classify") {
    const { models } = result;
    lines.push("", ...textTable(labelColumns, labelRows(result)));
    lines.push("", ...mistakeLines(models[models.length - 1], result));
  }
  return lines.join("\n");
}

function headLines(result: EvaluationResult): string[] {
  const { data, device } = result;
  const lines = [
    ["Model", baseText(result)],
    ["Data", `${data}: ${rowsText(result)}`],
    ["Device", device],
  ];
  return lines.map(([title, text]) => `${title.padEnd(8)} ${text}`);
}

/** The base, and the adapter where there is one. */
export function baseText({ model, adapter }: EvaluationResult): string {
  return `${model}${adapter === null ? "" : `, adapter ${adapter}`}`;
}

/** What was evaluated, and how it was read. */
export function rowsText(result: EvaluationResult): string {
  const { rows, seqLen, split } = result;
  const noun = rowNoun(result.task);
  const told = counted(rows, split === "all" ? noun : `${split} ${noun}`);
  if (result.task === "classify") {
    const { labels, pooling } = result;
    const most = counted(seqLen, "token");
    return `${told} of ${counted(labels.length, "label")}, ${pooling} of at most ${most}`;
  }
  const { task, tokens } = result;
  return `${told}, ${counted(tokens, "token")} predicted (--task ${task} --seq-len ${seqLen})`;
}

/** What a model's scores are of. */
export function modelTitle({ name, head }: Pick<Candidate, "name"> & Partial<Candidate>): string {
  if (name === "adapter") return "base and adapter";
  return head === "adapter" ? "base, the adapter's head" : "base";
}

/** Headings of {@linkcode scoreRows}. */
export function scoreColumns({ task }: EvaluationResult): Column[] {
  const figures = task === "classify" ? ["accuracy", "macro-F1", "loss"] : ["perplexity", "loss"];
  return [{ heading: "" }, ...figures.map((heading) => ({ heading, right: true }))];
}

/** The scores of models, and of what needs none. */
export function scoreRows(result: EvaluationResult): string[][] {
  if (result.task !== "classify") {
    return result.models.map(({ name, perplexity, loss }) => [
      modelTitle({ name }),
      perplexityText(perplexity),
      loss.toFixed(3),
    ]);
  }
  const { chance, majority } = result.baseline;
  const shares = ({ accuracy, macroF1 }: Pick<ClassifierResult, "accuracy" | "macroF1">) =>
    [accuracy, macroF1].map((share) => percentText(share));
  return [
    ["chance", percentText(chance), "", ""],
    [`always "${shortLabel(majority.label)}"`, ...shares(majority), ""],
    ...result.models.map((model) => [modelTitle(model), ...shares(model), model.loss.toFixed(3)]),
  ];
}

const labelColumns: readonly Column[] = [
  { heading: "label" },
  ...["rows", "precision", "recall", "F1"].map((heading) => ({ heading, right: true })),
];

/** Each label's scores, of the base and, after an arrow, of the adapter. */
export function labelRows({ labels, models }: ClassifierEvaluation): string[][] {
  return labels.map((label, place) => {
    const scores = models.map(({ perLabel }) => perLabel[place]);
    const told = (key: "precision" | "recall" | "f1") =>
      scores.map((score) => score[key].toFixed(2)).join(" → ");
    return [
      shortLabel(label),
      countText(scores[0].support),
      told("precision"),
      told("recall"),
      told("f1"),
    ];
  });
}

function mistakeLines(model: ClassifierResult, { labels }: ClassifierEvaluation): string[] {
  const mistakes = largestMistakes(model.confusion, TOLD_MISTAKES);
  if (mistakes.length === 0) return [`No row was taken for another label by: ${modelTitle(model)}`];
  return [
    `Confused most often by: ${
      modelTitle(model)
    } (the whole table: --format json, or --out FOLDER)`,
    ...textTable(
      [
        { heading: "label" },
        { heading: "taken for" },
        { heading: "rows", right: true },
        { heading: "of its rows", right: true },
      ],
      mistakes.map(({ label, predicted, rows }) => [
        shortLabel(labels[label]),
        shortLabel(labels[predicted]),
        countText(rows),
        percentText(rows / model.perLabel[label].support),
      ]),
    ),
  ];
}

function shortLabel(label: string): string {
  const letters = [...label];
  return letters.length <= LABEL_LENGTH ? label : `${letters.slice(0, LABEL_LENGTH - 1).join("")}…`;
}
