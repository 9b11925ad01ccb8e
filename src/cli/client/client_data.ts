/** A client's own rows, or an evaluator's. @module */

import { basename } from "node:path";
import { drawHeldOut, heldOutCount } from "../../data/held_out.ts";
import { type LabelledData, loadData } from "../../data/mod.ts";
import { readFile } from "../sources.ts";
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
 * @param labels the run's
 * @param seed the run's, so that every start holds out the same rows
 *
 * @throws UserError when the file cannot be read, or a row is not of the run.
 */
export async function loadClientData(
  choice: DataChoice,
  labels: readonly string[],
  seed: number,
): Promise<LabelledData> {
  const data = await loadData({
    name: basename(choice.data),
    bytes: await readFile(choice.data),
    textColumn: choice.textColumn,
    labelColumn: choice.labelColumn ?? undefined,
    labels,
    testShare: 0,
    validationShare: 0,
    seed,
    needsTraining: !choice.evaluate,
  });
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
