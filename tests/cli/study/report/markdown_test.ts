import assert from "node:assert/strict";
import type { Block, ReportDocument } from "../../../../src/cli/study/report/document.ts";
import { renderHtml } from "../../../../src/cli/study/report/html.ts";
import { renderMarkdown } from "../../../../src/cli/study/report/markdown.ts";
import { assertWellFormed, bodyOf } from "../../well_formed.ts";

const report = (...blocks: readonly Block[]): ReportDocument => ({
  title: "A study",
  eyebrow: "Study",
  lead: "Of a few",
  notes: ["3 of 4 runs done"],
  sections: [{ title: "Cell", about: "About it", blocks }],
});
const figure = { name: "read out", width: 10, height: 10, content: "" };

Deno.test("renderMarkdown() writes title, notes and sections", () => {
  assert.equal(
    renderMarkdown(report({ kind: "list", title: "Items", items: ["one", "two"] })),
    [
      "# A study",
      "Study",
      "Of a few",
      "> - 3 of 4 runs done",
      "## Cell",
      "About it",
      "### Items",
      "- one\n- two\n",
    ].join("\n\n"),
  );
});

Deno.test("renderMarkdown() pads tables, aligns numbers to the right, and marks rows", () => {
  const markdown = renderMarkdown(report({
    kind: "table",
    title: "Table",
    texts: 1,
    head: ["Method", "n"],
    rows: [
      { cells: ["plain", "5"] },
      { cells: ["from | elsewhere", "10"], mark: "reference" },
      { cells: ["base", "5"], mark: "strong" },
    ],
  }));
  assert.ok(markdown.includes([
    "| Method              |     n |",
    "| ------------------- | ----: |",
    "| plain               |     5 |",
    "| _from \\| elsewhere_ |  _10_ |",
    "| **base**            | **5** |",
  ].join("\n")));
});

Deno.test("renderMarkdown() points at figures in their folder, and gives findings a line each", () => {
  const markdown = renderMarkdown(report({
    kind: "figures",
    figures: [{ file: "iid-loss.svg", title: "Loss", about: "Of it", figure }],
  }, {
    kind: "findings",
    items: [{
      claim: "A beats B",
      verdict: "holds",
      reason: "Holds.",
      compared: "A − B",
      cells: ["iid: +1.0"],
    }],
  }));
  assert.ok(markdown.includes("### Loss\n\nOf it\n\n![read out](figures/iid-loss.svg)"));
  assert.ok(
    markdown.includes("- **holds**: A beats B\\\n  Holds.\\\n  A − B\n  - iid: +1.0"),
  );
});

Deno.test("renderMarkdown() and renderHtml() show texts as they are, whatever they hold", () => {
  const wild = "<script>*a*_b_`c`[d](e)|\n# f";
  const given = {
    ...report({ kind: "prose", title: wild, paragraphs: [wild] }, {
      kind: "table",
      title: wild,
      texts: 1,
      head: [wild],
      rows: [{ cells: [wild] }],
    }, {
      kind: "figures",
      folded: true,
      figures: [{ file: "x.svg", title: wild, about: wild, figure: { ...figure, name: wild } }],
    }),
    title: wild,
    notes: [wild],
  };
  const markdown = renderMarkdown(given);
  assert.doesNotMatch(markdown, /(?<!\\)<script|(?<!\\)\*a|^# f/m);
  const html = renderHtml(given);
  assert.doesNotMatch(html, /<script/);
  assertWellFormed(bodyOf(html));
});
