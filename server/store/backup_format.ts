/**
 * A backup file: gzip of lines of JSON. The first names the format, the schema and the tables; then a row a line, tables in order; the last counts
 * the rows and has the SHA-256 of all lines before it. The same rows give the same lines, whichever database they come from.
 *
 * @module
 */

import { createHash } from "node:crypto";

import { UserError } from "../../src/protocol/errors.ts";
import type { SqlValue } from "./database.ts";
import { latestSchema, tables } from "./migrations.ts";

const kind = "hafl-backup-1";
/** No line of ours comes near: a chunk of a blob takes 350 KB. */
const maxLineLength = 64 * 1024 * 1024;

/** Rows by table. */
export type RowCounts = Readonly<Record<string, number>>;

/** A row: its table and its values in the order of the table's columns. */
export interface BackupRow {
  readonly table: string;
  readonly values: readonly SqlValue[];
}

/** No rows of any table. */
export function noRows(): Record<string, number> {
  return Object.fromEntries(tables.map(({ name }) => [name, 0]));
}

/** The lines of a backup of `rows`, each with its line break. @param counts is added to: {@linkcode noRows} at first. */
export async function* backupLines(
  rows: AsyncIterable<BackupRow>,
  counts: Record<string, number>,
): AsyncGenerator<string> {
  const hash = createHash("sha256");
  const line = (content: unknown) => {
    const text = `${JSON.stringify(content)}\n`;
    hash.update(text);
    return text;
  };
  yield line(header());
  for await (const { table, values } of rows) {
    counts[table]++;
    yield line([table, ...values.map(toJson)]);
  }
  yield `${JSON.stringify({ rows: counts, sha256: hash.digest("hex") })}\n`;
}

function header(): unknown {
  const layouts = tables.map(({ name, columns }) => ({ name, columns }));
  return { kind, schema: latestSchema, tables: layouts };
}

function toJson(value: SqlValue): unknown {
  return value instanceof Uint8Array ? { base64: value.toBase64() } : value;
}

/** @returns undefined for what no row has. */
function fromJson(value: unknown): SqlValue | undefined {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  const { base64 } = value as { base64?: unknown };
  if (typeof base64 !== "string") return undefined;
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return undefined;
  }
}

/** The end of a backup. */
interface Trailer {
  readonly rows: RowCounts;
  readonly sha256: string;
}

/**
 * Reads a backup from its start to its end, row by row.
 *
 * @param place names the file in errors, in quotation marks.
 * @param onRow is called for each row before the end is known to be right: what it does must be undone when this throws.
 * @throws {UserError} when the file is no backup, of another schema, cut off or altered.
 */
export async function readBackup(
  place: string,
  file: ReadableStream<Uint8Array<ArrayBuffer>>,
  onRow: (row: BackupRow) => Promise<void>,
): Promise<RowCounts> {
  const damaged = (why: string) =>
    new UserError(`Cannot restore ${place}: ${why}; nothing was written`);
  const hash = createHash("sha256");
  const counts = noRows();
  let first = true;
  let trailer: Trailer | undefined;
  for await (const text of linesOf(file, damaged)) {
    if (trailer !== undefined) throw damaged("expected nothing after the last line");
    const content = parse(text);
    if (first) {
      const fault = headerFault(content);
      if (fault !== undefined) throw damaged(fault);
      first = false;
    } else if (isTrailer(content)) {
      trailer = content;
      continue;
    } else {
      const row = rowOf(content);
      if (row === undefined) throw damaged("expected a row on each line, got something else");
      counts[row.table]++;
      await onRow(row);
    }
    hash.update(`${text}\n`);
  }
  if (trailer === undefined) throw damaged("expected a whole backup, got one that was cut off");
  if (
    hash.digest("hex") !== trailer.sha256 || JSON.stringify(counts) !== JSON.stringify(trailer.rows)
  ) {
    throw damaged("it is not as it was written: its rows do not match its SHA-256");
  }
  return counts;
}

function isTrailer(content: unknown): content is Trailer {
  return typeof content === "object" && content !== null && "sha256" in content;
}

function rowOf(content: unknown): BackupRow | undefined {
  if (!Array.isArray(content)) return undefined;
  const [table, ...cells] = content;
  const values = cells.map(fromJson).filter((value) => value !== undefined);
  const layout = tables.find(({ name }) => name === table);
  return layout?.columns.length === values.length ? { table, values } : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function headerFault(content: unknown): string | undefined {
  const { kind: actual, schema, tables: layouts } = (content ?? {}) as Record<string, unknown>;
  if (actual !== kind) return "expected a backup of this server, got another file";
  if (schema !== latestSchema) {
    return `expected schema ${latestSchema}, got ${schema}; restore it with the version that ` +
      "wrote it, then update";
  }
  const { tables: expected } = header() as { tables: unknown };
  return JSON.stringify(layouts) === JSON.stringify(expected)
    ? undefined
    : "expected the tables of this version, got others";
}

/** The lines of a compressed file, without their breaks. @param damaged makes the error of a file that is none. */
async function* linesOf(
  file: ReadableStream<Uint8Array<ArrayBuffer>>,
  damaged: (why: string) => UserError,
): AsyncGenerator<string> {
  const text = file.pipeThrough(new DecompressionStream("gzip"))
    .pipeThrough(new TextDecoderStream("utf-8", { fatal: true, ignoreBOM: true }));
  let rest = "";
  try {
    for await (const part of text) {
      const lines = (rest + part).split("\n");
      rest = lines.pop()!;
      if (rest.length > maxLineLength) throw new RangeError("a line has no end");
      yield* lines;
    }
  } catch (error) {
    throw damaged(`expected a whole backup, got a damaged file (${(error as Error).message})`);
  }
  if (rest !== "") yield rest;
}
