import type * as CsvParse from "npm:csv-parse@7.0.3/sync";
import { DataError } from "./errors.ts";
import { lazyPackage } from "../protocol/lazy_package.ts";
import type { Row } from "./rows.ts";

interface ParsedRecord {
  readonly record: readonly string[];
  /** Counts at the moment the record ended. */
  readonly info: { readonly lines: number; readonly empty_lines: number };
}

/**
 * Reads CSV (RFC 4180: comma-separated, quoted fields may hold commas, quotes and line ends) whose first record names
 * the columns. Empty lines are ignored. The parser is loaded on first use.
 *
 * @throws {DataError} naming the line that cannot be parsed, or a column that is named twice.
 */
export async function parseCsv(name: string, text: string): Promise<Row[]> {
  const { parse } = await lazyPackage<typeof CsvParse>("npm:csv-parse@7.0.3/sync");
  let records: ParsedRecord[];
  try {
    records = parse(text, { info: true, skip_empty_lines: true }) as unknown as ParsedRecord[];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`Cannot read "${name}" as CSV: ${reason}`);
  }
  if (records.length === 0) return [];
  const columns = records[0].record;
  const repeated = columns.find((column, index) => columns.indexOf(column) !== index);
  if (repeated !== undefined) {
    throw new DataError(
      `Cannot read "${name}": expected each column once, got "${repeated}" twice`,
    );
  }
  return records.slice(1).map(({ record, info }, index) => {
    const before = records[index].info; // of the record above this one, the header first
    const line = before.lines + 1 + (info.empty_lines - before.empty_lines);
    return { line, fields: Object.fromEntries(columns.map((column, i) => [column, record[i]])) };
  });
}
