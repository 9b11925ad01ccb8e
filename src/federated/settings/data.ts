/** The texts, and how they are cut. @module */

import { type StripPart, stripParts } from "../../data/strip.ts";
import { choice, type Kind, list, optional, text, toggle } from "../setting_kinds.ts";
import { continuing } from "./model.ts";
import { count, type SettingRows } from "./rows.ts";

/** Settings of the texts. */
export interface DataConfig {
  /** File of texts, labelled under `classify`, .jsonl or .csv, each also with .gz; null: the built-in corpus, under `classify` alone. */
  readonly data: string | null;
  /** Column that holds the text. */
  readonly textColumn: string;
  /** Column that holds the label; null: the first of labelName, label and category that is there. */
  readonly labelColumn: string | null;
  /** The label set in the order of the classifier's outputs: the names, or the path of a file with one a line; null: found in the data. */
  readonly labels: string | readonly string[] | null;
  /** Parts of a newsgroup post to remove; none: texts stay as they are. */
  readonly strip: readonly StripPart[];
  /** Most training rows held out for validation, never more than a tenth of them; without effect where the data marks its own. */
  readonly validation: number;
  /** Tokens kept of a text or a conversation, special tokens included; under `lm` those of a row, as longer texts are cut into several. */
  readonly seqLen: number;
  /** Lengths T that batches are padded to, ascending; the longest is `seqLen`. */
  readonly buckets: readonly number[];
  /** Whether several texts share a row, none of which sees another; of `lm` and `chat`. */
  readonly packing: boolean;
}

/** Their defaults. */
export const dataDefaults: Omit<DataConfig, "buckets"> = {
  data: null, // the built-in corpus
  textColumn: "text",
  labelColumn: null, // the first of "labelName", "label" and "category" that is there
  labels: null, // the names found in the training rows, sorted
  strip: [], // as given; stripped posts are harder (headers leak the topic)
  validation: 1000, // a standard error of 1.5 points at 30 % accuracy; 9 % of 20 Newsgroups' training half
  seqLen: 64, // the reference runs' length; twice the tokens cost twice the time
  packing: true, // rows without padding: every token that is computed is learned from
};

const labelNames: Kind<string | readonly string[]> = {
  placeholder: "<file|list>",
  expected: "at least two names, or a file with one a line",
  fromText: (given) => given.includes(",") ? given.split(",").map((name) => name.trim()) : given,
  check(value) {
    if (typeof value === "string") return value === "" ? undefined : value;
    return list(text("<name>"), 2).check(value);
  },
  hint: () => "",
};

/** Their rows in the table of settings. */
export const dataRows: SettingRows<DataConfig> = {
  data: {
    kind: optional(text("<file>")),
    help:
      "texts, labelled under --task classify: .jsonl or .csv, each also with .gz (default: the built-in corpus, under --task classify)",
  },
  textColumn: {
    kind: text("<name>"),
    help: "column that holds the text (default: text; under --task chat messages)",
  },
  labelColumn: {
    kind: optional(text("<name>")),
    help: "column that holds the label (default: labelName, label or category)",
  },
  labels: {
    kind: optional(labelNames),
    help: "the label set: names parted by commas, or a file (default: found in the data)",
  },
  strip: {
    kind: list(choice(stripParts), 0),
    help: `parts of a post to remove: ${stripParts.join(", ")}`,
    only: { task: ["classify", "lm"] },
  },
  validation: {
    kind: count,
    help: "rows held out for validation, of a file at most a tenth of its training rows",
  },
  seqLen: { kind: count, help: "tokens kept of a text, or a row's under --task lm" },
  buckets: {
    kind: list(count),
    help: "lengths batches are padded to (default: half of --seq-len, and --seq-len; of packed " +
      "rows --seq-len alone)",
  },
  packing: {
    kind: toggle,
    help: "put several texts into a row, none of which sees another",
    only: continuing,
  },
};
