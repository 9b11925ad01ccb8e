import { DataError } from "./errors.ts";
import type { Row } from "./rows.ts";
import type { ChatMessage, Sample, SplitName } from "./types.ts";

/** Which fields of a row hold the text and the label. */
export interface Columns {
  readonly text: string;
  /** Absent where labels are not read. */
  readonly label?: string | undefined;
  /** Whether the text is a list of messages. */
  readonly messages?: boolean;
}

/** What labels are read for: they are a classifier's classes, or texts are dealt to clients by them, or for nothing. */
export type LabelUse = "classes" | "dealing" | "nothing";

const labelColumns = ["labelName", "label", "category"];
const splitNames: Readonly<Record<string, SplitName>> = {
  train: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  test: "test",
};

/**
 * Settles the columns: those asked for, otherwise "text", and the first of "labelName", "label" and "category" that
 * the first row has.
 *
 * @throws {DataError} where the first row lacks them, naming the columns it has.
 */
export function chooseColumns(
  name: string,
  first: Row,
  asked: {
    readonly text?: string | undefined;
    readonly label?: string | undefined;
    readonly use?: LabelUse | undefined;
  },
): Columns {
  const { text = "text", use = "classes" } = asked;
  if (use === "nothing") {
    if (Object.hasOwn(first.fields, text)) return { text };
    throw new DataError(
      `Cannot load "${name}": expected a column "${text}", got ${columnsOf(first)}`,
    );
  }
  const label = asked.label ?? labelColumns.find((column) => Object.hasOwn(first.fields, column));
  if (Object.hasOwn(first.fields, text) && label && Object.hasOwn(first.fields, label)) {
    return { text, label };
  }
  const wanted = asked.label ? `"${asked.label}"` : labelColumns.map((c) => `"${c}"`).join(" or ");
  const advice = use === "dealing" ? "; without labels use --partition iid" : "";
  throw new DataError(
    `Cannot load "${name}": expected a text column "${text}" and a label column ${wanted}, ` +
      `got ${columnsOf(first)}${advice}`,
  );
}

function columnsOf({ fields, line }: Row): string {
  const found = Object.keys(fields).map((column) => `"${column}"`).join(", ");
  return `${found || "no columns"} on line ${line}`;
}

/**
 * One row as a sample. Its id is the row's `id`, otherwise its line number; a `split` field is kept where it is set.
 * An empty text is accepted only with `"stripped": true`, which split files carry where stripping left nothing.
 *
 * @throws {DataError} naming the line, where text or label is missing or of the wrong kind, or the split is unknown.
 */
export function toSample(name: string, row: Row, columns: Columns): Sample {
  const { fields, line } = row;
  const text = columns.messages
    ? readMessages(name, row, columns.text)
    : readText(name, row, columns.text);
  const id = isScalar(fields.id) && fields.id !== "" ? String(fields.id) : String(line);
  const split = readSplit(name, row);
  const client = readClient(name, row);
  return {
    id,
    text,
    label: columns.label === undefined ? "" : readLabel(name, row, columns.label),
    ...(split && { split }),
    ...(client !== undefined && { client }),
  };
}

function readText(name: string, { fields, line }: Row, column: string): string {
  const text = fields[column];
  if (typeof text === "string" && (text.trim() !== "" || fields.stripped === true)) return text;
  throw new DataError(
    `Cannot load line ${line} of "${name}": expected text in "${column}", got ${show(text)}`,
  );
}

/** A conversation as {@linkcode Sample.text} has it. */
function readMessages(name: string, { fields, line }: Row, column: string): string {
  const messages = fields[column];
  if (Array.isArray(messages) && messages.length > 0 && messages.every(isMessage)) {
    return JSON.stringify(messages);
  }
  throw new DataError(
    `Cannot load line ${line} of "${name}": expected a list of messages, each with texts "role" and "content", in "${column}", got ${
      show(messages)
    }`,
  );
}

function isMessage(value: unknown): value is ChatMessage {
  if (typeof value !== "object" || value === null) return false;
  const { role, content } = value as Partial<Record<keyof ChatMessage, unknown>>;
  return typeof role === "string" && typeof content === "string";
}

function readLabel(name: string, { fields, line }: Row, column: string): string {
  const label = fields[column];
  if (isScalar(label) && String(label).trim() !== "") return String(label);
  throw new DataError(
    `Cannot load line ${line} of "${name}": expected a label in "${column}", got ${show(label)}`,
  );
}

function readSplit(name: string, { fields, line }: Row): SplitName | undefined {
  const split = fields.split;
  if (split === undefined || split === null || split === "") return undefined;
  if (typeof split === "string" && Object.hasOwn(splitNames, split)) return splitNames[split];
  throw new DataError(
    `Cannot load line ${line} of "${name}": expected a split of "train", "validation" or "test", got ${
      show(split)
    }`,
  );
}

function readClient(name: string, { fields, line }: Row): number | undefined {
  const { client } = fields;
  if (client === undefined || client === null || client === "") return undefined;
  const index = Number(client);
  if (isScalar(client) && Number.isInteger(index) && index >= 0) return index;
  throw new DataError(
    `Cannot load line ${line} of "${name}": expected a whole number of at least 0 in "client", got ${
      show(client)
    }`,
  );
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
