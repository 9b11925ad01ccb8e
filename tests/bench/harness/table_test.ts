import assert from "node:assert/strict";
import { formatFigure, markdownTable } from "../../../bench/harness/table.ts";

Deno.test("markdownTable() lines its columns up", () => {
  const columns = [
    { title: "what", align: "left" },
    { title: "x", align: "right" },
  ] as const;
  assert.equal(
    markdownTable(columns, [["1024³", "7"], ["–", "12,345"]]),
    [
      "| what  |      x |",
      "| ----- | -----: |",
      "| 1024³ |      7 |",
      "| –     | 12,345 |",
    ].join("\n"),
  );
});

Deno.test("markdownTable() without rows is a head that Markdown reads", () => {
  assert.equal(markdownTable([{ title: "a", align: "right" }], []), "|   a |\n| --: |");
});

Deno.test("formatFigure() keeps about three digits", () => {
  const figures = [12345.6, 100, 99.94, 10, 9.994, 0.419, 0.1, 0.00123, 0];
  assert.deepEqual(figures.map(formatFigure), [
    "12,346",
    "100",
    "99.9",
    "10.0",
    "9.99",
    "0.42",
    "0.10",
    "0.0012",
    "0.0000",
  ]);
});
