/** Tables of text. @module */

import { printable } from "../printable.ts";

/** A column: its heading, and whether it holds numbers. */
export interface Column {
  readonly heading: string;
  readonly right?: boolean;
}

/** Lines of a table: headings, then rows, in columns as wide as their widest cell, two spaces apart. */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const lines = [columns.map(({ heading }) => heading), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => line[c].length)));
  return lines.map((line) =>
    line.map((cell, c) => columns[c].right ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))
      .join("  ").trimEnd()
  );
}
