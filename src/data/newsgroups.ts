/**
 * 20 Newsgroups (by date) as JSON Lines: `id`, `split`, `label` (0 to 19), `labelName` and `text` on every line.
 *
 * @module
 */

import type { Row } from "./rows.ts";

/** The twenty groups in alphabetical order, which is also the order of scikit-learn's label numbers. */
export const newsgroupNames: readonly string[] = [
  "alt.atheism",
  "comp.graphics",
  "comp.os.ms-windows.misc",
  "comp.sys.ibm.pc.hardware",
  "comp.sys.mac.hardware",
  "comp.windows.x",
  "misc.forsale",
  "rec.autos",
  "rec.motorcycles",
  "rec.sport.baseball",
  "rec.sport.hockey",
  "sci.crypt",
  "sci.electronics",
  "sci.med",
  "sci.space",
  "soc.religion.christian",
  "talk.politics.guns",
  "talk.politics.mideast",
  "talk.politics.misc",
  "talk.religion.misc",
];

/** Whether rows are 20 Newsgroups posts: all five fields, and every number belonging to its name. */
export function isNewsgroups(rows: readonly Row[]): boolean {
  return rows.length > 0 &&
    rows.every(({ fields }) =>
      typeof fields.id === "string" && typeof fields.text === "string" &&
      (fields.split === "train" || fields.split === "test") &&
      typeof fields.label === "number" && newsgroupNames[fields.label] === fields.labelName
    );
}
