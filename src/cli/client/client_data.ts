/** A client's own rows, or an evaluator's. @module */

import { drawHeldOut, heldOutCount } from "../../data/held_out.ts";
import { DataError, type LabelledData } from "../../data/mod.ts";
import { usualTextColumn } from "../../federated/complete_run_config.ts";
import { UserError } from "../../protocol/errors.ts";
import type { RunManifest } from "../../protocol/manifest.ts";
import { taskOf } from "../../protocol/manifest_task.ts";
import type { Task } from "../../protocol/task.ts";
import { openData, unmarked } from "../sources.ts";
import type { ClientSettings } from "./client_settings.ts";

/** What of a client's settings is about its data. */
export type DataChoice = Pick<
  ClientSettings,
  "data" | "textColumn" | "labelColumn" | "heldOut" | "evaluate"
>;

/**
 * Loads the rows: to train on, and in `validation` those to score with. The file's own marks go before the share; an evaluator scores with what is
 * marked for validation or test, or with everything where nothing is.
 *
 * @param manifest whose task the rows are for, and whose seed, so that every start holds out the same rows
 *
 * @throws UserError when the file cannot be read, or a row is not of the run.
 */
export async function loadClientData(
  choice: DataChoice,
  manifest: Pick<RunManifest, "name" | "task" | "labels" | "seed">,
): Promise<LabelledData> {
  const { seed } = manifest;
  const data = await loadRows(choice, manifest);
  const { train, validation, test } = data;
  if (choice.evaluate) {
    const marked = [...validation, ...test];
    return { ...data, train: [], validation: marked.length > 0 ? marked : train, test: [] };
  }
  if (validation.length > 0) return { ...data, test: [] };
  const count = heldOutCount(train.length, choice.heldOut);
  const { kept, drawn } = drawHeldOut(train, count, seed, "client");
  return { ...data, train: kept, validation: drawn, test: [] };
}

async function loadRows(
  { data, textColumn, labelColumn, evaluate }: DataChoice,
  manifest: Pick<RunManifest, "name" | "task" | "labels" | "seed">,
): Promise<LabelledData> {
  const { labels, seed, name } = manifest;
  const task = taskOf(manifest);
  const isClassifier = task === "classify";
  if (labelColumn !== null && !isClassifier) {
    throw new UserError(
      `Cannot use --label-column: "${name}" trains a language model, which learns no labels`,
    );
  }
  try {
    return await openData({
      task,
      data,
      textColumn: textColumn ?? usualTextColumn(task),
      labelColumn,
      labels: isClassifier ? labels : null,
      strip: [],
      validation: 0,
      seed,
      partition: "iid", // no row is dealt, and so a language model's rows need no labels
    }, { ...unmarked, needsTraining: !evaluate });
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`${error.message}; "${name}" learns ${learned[task]}`);
  }
}

/** What the rows of a run's clients have. */
const learned: Readonly<Record<Task, string>> = {
  classify: "the labels of texts",
  lm: "from texts (--task lm)",
  chat: "from conversations (--task chat)",
};
