import { countOf } from "../protocol/count_of.ts";
import { chooseColumns, type LabelUse, toSample } from "./columns.ts";
import { parseCsv } from "./csv.ts";
import { DataError } from "./errors.ts";
import { defaultValidationCount, drawHeldOut, heldOutCount } from "./held_out.ts";
import { parseJsonLines } from "./jsonl.ts";
import { checkLabelSet } from "./label_set.ts";
import { isNewsgroups } from "./newsgroups.ts";
import { decodeText, gunzip, type Row } from "./rows.ts";
import { strip, type StripPart } from "./strip.ts";
import type { LabelledData, Sample } from "./types.ts";

/** What to load and how. */
export interface LoadOptions {
  /** File name; its extension decides the format. */
  readonly name: string;
  /** The whole file. */
  readonly bytes: Uint8Array;
  /** Default: "text". */
  readonly textColumn?: string | undefined;
  /** Default: the first of "labelName", "label" and "category" that is there. */
  readonly labelColumn?: string | undefined;
  /** Default: "classes"; for "nothing" no labels are read. */
  readonly labelUse?: LabelUse | undefined;
  /** Whether the text column holds conversations; default: no. */
  readonly messages?: boolean | undefined;
  /** The label set in the order of the classifier's outputs. Default: the labels found, sorted. */
  readonly labels?: readonly string[] | undefined;
  /** What to remove from newsgroup posts; default: nothing. */
  readonly strip?: readonly StripPart[] | undefined;
  /** Share of the rows to test on where no row is marked "test": in [0, 1), default 0.2. */
  readonly testShare?: number | undefined;
  /**
   * Share of the training rows to validate on where no row is marked "validation": in [0, 1). Default: a tenth, at
   * most 1,000 rows.
   */
  readonly validationShare?: number | undefined;
  /** Most training rows to validate on where no row is marked "validation"; never more than a tenth of them. Takes the place of validationShare. */
  readonly validation?: number | undefined;
  /** Decides which rows are drawn for testing and validation. */
  readonly seed: number;
  /** Whether data without any row to train on is refused; default: true. Who only scores needs none. */
  readonly needsTraining?: boolean | undefined;
}

/**
 * Loads texts, labelled unless told otherwise, from `.jsonl`, `.csv`, or either with `.gz`.
 *
 * A row's `split` ("train", "validation" or "test") is honoured; parts that no row is marked for are drawn by the
 * seed from the rest. To load one client's share of a split file as it stands, set both shares to 0.
 * Labels found are sorted by character code, or by value where all are whole numbers.
 *
 * @throws {DataError} where the file is not of a known format, malformed, empty or without training rows; where a row
 * lacks text or label or has a label outside `labels`, naming the line; where stripping leaves nothing of any row.
 * @throws {RangeError} where a share lies outside [0, 1).
 *
 * @example
 * ```ts
 * import { loadData } from "./load.ts";
 * const csv = "text,label\ngoal in the last minute,sport\nrates rise again,money\nkeeper injured,sport\n";
 * const data = await loadData({ name: "news.csv", bytes: new TextEncoder().encode(csv), seed: 1 });
 * if (data.labels.join() !== "money,sport") throw new Error("unreachable");
 * ```
 */
export async function loadData(options: LoadOptions): Promise<LabelledData> {
  const { name } = options;
  const rows = await readRows(name, options.bytes);
  if (rows.length === 0) {
    throw new DataError(`Cannot load "${name}": expected at least one row, got none`);
  }
  const { messages = false } = options;
  const columns = {
    ...chooseColumns(name, rows[0], {
      text: options.textColumn,
      label: options.labelColumn,
      use: options.labelUse,
    }),
    messages,
  };
  const samples = rows.map((row) => toSample(name, row, columns));
  return {
    name: isNewsgroups(rows) ? "20 Newsgroups" : name,
    ...(messages && { conversations: true }),
    labels: columns.label === undefined ? [] : settleLabels(name, rows, samples, options.labels),
    ...divide(name, stripAll(name, samples, options.strip), options),
  };
}

async function readRows(name: string, bytes: Uint8Array): Promise<Row[]> {
  const path = name.toLowerCase();
  const packed = path.endsWith(".gz");
  const format = packed ? path.slice(0, -3) : path;
  const parse = format.endsWith(".jsonl")
    ? parseJsonLines
    : format.endsWith(".csv")
    ? parseCsv
    : undefined;
  if (parse === undefined) {
    throw new DataError(
      `Cannot load "${name}": expected a file named .jsonl, .jsonl.gz, .csv or .csv.gz` +
        (format.endsWith(".json") ? "; write one JSON object a line and name it .jsonl" : ""),
    );
  }
  return await parse(name, decodeText(name, packed ? await gunzip(name, bytes) : bytes));
}

function settleLabels(
  name: string,
  rows: readonly Row[],
  samples: readonly Sample[],
  given: readonly string[] | undefined,
): readonly string[] {
  const found = new Map<string, number>(); // label to the first line that has it
  samples.forEach(({ label }, i) => {
    if (!found.has(label)) found.set(label, rows[i].line);
  });
  if (given === undefined) return sortLabels([...found.keys()]);
  checkLabelSet(given);
  for (const [label, line] of found) {
    if (given.includes(label)) continue;
    throw new DataError(
      `Cannot load line ${line} of "${name}": expected one of ${given.length} labels, got "${label}"`,
    );
  }
  return given;
}

function sortLabels(labels: string[]): string[] {
  return labels.every((label) => /^-?\d{1,15}$/.test(label))
    ? labels.sort((a, b) => Number(a) - Number(b))
    : labels.sort();
}

function stripAll(
  name: string,
  samples: readonly Sample[],
  parts: readonly StripPart[] = [],
): readonly Sample[] {
  if (parts.length === 0) return samples;
  const stripped = samples.map((sample) => ({ ...sample, text: strip(sample.text, parts) }));
  if (stripped.every(({ text }) => text.trim() === "")) {
    throw new DataError(
      `Cannot strip ${parts.join(", ")} from "${name}": nothing is left of any row; ` +
        `these rules are for newsgroup posts`,
    );
  }
  return stripped;
}

function divide(
  name: string,
  samples: readonly Sample[],
  { testShare = 0.2, validationShare, validation: most, seed, needsTraining = true }: LoadOptions,
): Pick<LabelledData, "train" | "validation" | "test"> {
  let train: readonly Sample[] = samples.filter(({ split }) =>
    split === undefined || split === "train"
  );
  let validation: readonly Sample[] = samples.filter(({ split }) => split === "validation");
  let test: readonly Sample[] = samples.filter(({ split }) => split === "test");
  if (test.length === 0) {
    const count = heldOutCount(train.length, testShare);
    ({ kept: train, drawn: test } = drawHeldOut(train, count, seed, "test"));
  }
  if (validation.length === 0) {
    const count = validationShare === undefined
      ? defaultValidationCount(train.length, most)
      : heldOutCount(train.length, validationShare);
    ({ kept: train, drawn: validation } = drawHeldOut(train, count, seed, "validation"));
  }
  if (train.length === 0 && needsTraining) {
    throw new DataError(
      `Cannot load "${name}": expected at least one row to train on, got ${
        countOf(samples.length, "row")
      } for validation or test alone`,
    );
  }
  return { train, validation, test };
}
