/** The rows that a model is evaluated on. @module */

import type { LabelledData, Sample } from "../../data/mod.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { UserError } from "../../protocol/errors.ts";
import { openData, unmarked } from "../sources.ts";

/** Which rows of a file, in the order users see them. */
export const partNames = ["train", "validation", "test", "all"] as const;

/** The rows that are marked for a part (unmarked ones are training rows), or all. */
export type PartName = typeof partNames[number];

/** What is evaluated on. */
export interface EvaluatedRows {
  /** What the data is called. */
  readonly name: string;
  readonly part: PartName;
  readonly rows: readonly Sample[];
}

/**
 * The rows of a part: of the file as it stands, or of the built-in corpus. Where no part is asked for, the test rows if there are any, else all.
 *
 * @param note hears what is worth knowing and no error
 * @throws UserError when the file cannot be read, a row has a label that is none of these, or the part has no rows.
 */
export async function loadRows(
  config: RunConfig,
  labels: readonly string[],
  asked: PartName | undefined,
  note: (line: string) => void,
): Promise<EvaluatedRows> {
  // No row is dealt to a client, and so a language model's rows need no labels.
  const read = config.task === "classify"
    ? { labels }
    : { labels: null, partition: "iid" } as const;
  const data = await openData({ ...config, ...read }, { ...unmarked, needsTraining: false });
  if (config.task === "classify") requireLabels(data, labels);
  const part = asked ?? (data.test.length > 0 ? "test" : "all");
  if (asked === undefined && part === "all") {
    note(
      `No row of "${data.name}" is marked as a test row: all are evaluated, and rows that were trained on may be among them`,
    );
  }
  const rows = part === "all" ? [...data.train, ...data.validation, ...data.test] : data[part];
  if (rows.length > 0) return { name: data.name, part, rows };
  const advice = asked === undefined ? "" : "; use another --split";
  throw new UserError(
    `Cannot evaluate the ${part} rows of "${data.name}": expected at least one, got none${advice}`,
  );
}

/** A file is read by the labels; the built-in corpus has its own. */
function requireLabels(data: LabelledData, labels: readonly string[]): void {
  const other = data.labels.find((label) => !labels.includes(label));
  if (other === undefined) return;
  throw new UserError(
    `Cannot evaluate on the ${data.name}: expected one of the model's ${labels.length} labels (${
      labels.slice(0, 3).join(", ")
    }…), got "${other}"; name a file of its labels by --data`,
  );
}
