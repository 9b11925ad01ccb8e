/** Tables in Markdown whose columns line up in a terminal too. @module */

/** How a column is set. */
export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
}

/** In place of a figure that there is none of. */
export const NOTHING = "–";

/** The lines of a table; each row has a cell for each column. */
export function markdownTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(3, ...[title, ...rows.map((row) => row[i])].map((cell) => [...cell].length))
  );
  const line = (cells: readonly string[]): string =>
    `| ${
      cells.map((cell, i) => {
        const space = " ".repeat(widths[i] - [...cell].length);
        return columns[i].align === "left" ? cell + space : space + cell;
      }).join(" | ")
    } |`;
  const rule = columns.map(({ align }, i) =>
    align === "left" ? "-".repeat(widths[i]) : `${"-".repeat(widths[i] - 1)}:`
  );
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join("\n");
}

/** A figure with about three digits that count, thousands apart. */
export function formatFigure(value: number): string {
  const digits = Math.abs(value) >= 100
    ? 0
    : Math.abs(value) >= 10
    ? 1
    : Math.abs(value) >= 0.1
    ? 2
    : 4;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
