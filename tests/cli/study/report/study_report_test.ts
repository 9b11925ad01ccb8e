import assert from "node:assert/strict";
import type {
  Block,
  FindingItem,
  ReportDocument,
  Table,
} from "../../../../src/cli/study/report/document.ts";
import { figureFile } from "../../../../src/cli/study/report/figure.ts";
import { renderHtml } from "../../../../src/cli/study/report/html.ts";
import { renderMarkdown } from "../../../../src/cli/study/report/markdown.ts";
import { studyReport } from "../../../../src/cli/study/report/study_report.ts";
import type { StudyRun } from "../../../../src/study/result.ts";
import type { Claim } from "../../../../src/study/study.ts";
import type { StudyResults } from "../../../../src/study/study_results.ts";
import { type SampleShape, sampleStudy } from "../../../study/sample_study.ts";
import { assertWellFormed, bodyOf } from "../../well_formed.ts";

const better: Claim = {
  text: "Adaptive beats zero-padding",
  metric: "testAtFinal",
  method: "adaptive",
  than: "padded",
};
const shape: SampleShape = {
  rounds: 12,
  cells: {
    iid: { settings: { partition: "iid" }, level: 1 },
    skewed: { settings: {}, level: 0.8 },
  },
  methods: {
    adaptive: { settings: { aggregation: "adaptive" }, peak: 0.5, pace: 3 },
    padded: { settings: { aggregation: "zero-pad" }, peak: 0.4, pace: 5 },
    cut: { settings: { method: "truncate" }, peak: 0.45, pace: 4, drop: 0.5, trained: 0.75 },
    full: { settings: { method: "full", ranks: [8] }, peak: 0.48, pace: 3 },
  },
  grid: [{
    cells: ["iid", "skewed"],
    methods: ["adaptive", "padded", "cut", "full"],
    seeds: [1, 2, 3],
  }],
  study: {
    targets: { iid: 0.38 },
    claims: [better],
    references: { iid: [{ name: "A paper's score", accuracy: 0.6985 }] },
    tuning: {
      cell: "iid",
      seed: 9,
      trials: [{ lr: 0.01 }, { lr: 0.02 }, { lr: 0.1 }],
      settings: { rounds: 3 },
    },
  },
};

/** Fails where a form of the report is not well formed, or shows a number that is none. */
function assertSound(report: ReportDocument): void {
  const html = renderHtml(report);
  const body = bodyOf(html);
  assertWellFormed(body);
  assert.doesNotMatch(html, /<script|<link|<img|@import|url\(|src=|https?:/i);
  assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
  for (const text of [body, renderMarkdown(report)]) {
    assert.doesNotMatch(text, /NaN|Infinity|undefined|\[object/);
  }
  for (const block of report.sections.flatMap(({ blocks }) => blocks)) {
    if (block.kind !== "figures") continue;
    for (const { figure } of block.figures) assertWellFormed(figureFile(figure));
  }
}

const sectionOf = (report: ReportDocument, title: string): readonly Block[] =>
  report.sections.find((section) => section.title === title)!.blocks;

function tableOf(report: ReportDocument, section: string, title: RegExp): Table {
  return sectionOf(report, section)
    .find((block): block is Table => block.kind === "table" && title.test(block.title))!;
}

function rowOf({ head, rows }: Table, name: string): Record<string, string> {
  const { cells } = rows.find((row) => row.cells[0] === name)!;
  return Object.fromEntries(cells.map((cell, column) => [head[column], cell]));
}

function findingsOf(report: ReportDocument): readonly FindingItem[] {
  const [block] = sectionOf(report, "Claims");
  return block.kind === "findings" ? block.items : [];
}

/** Every run's test accuracy after the last round set by method and seed. */
function scored(results: StudyResults, score: (run: StudyRun) => number): StudyResults {
  return {
    ...results,
    runs: results.runs.map((run) => ({
      ...run,
      summary: {
        ...run.summary,
        test: { rows: 100, accuracyAtBest: 0.5, accuracyAtFinal: score(run) },
      },
    })),
  };
}

Deno.test("studyReport() is sound from one run to a whole study", () => {
  const whole = sampleStudy(shape);
  assertSound(studyReport(whole));
  const one = whole.runs.slice(0, 1);
  assertSound(studyReport({ ...whole, runs: one, trials: [] }));
  assertSound(studyReport({ ...whole, runs: [], trials: [] }));
  assertSound(studyReport(sampleStudy({ ...shape, rounds: 1 })));
  const bare = { ...shape.study, targets: {}, claims: [], references: {} };
  const { tuning: _tuning, ...untuned } = bare;
  assertSound(studyReport(sampleStudy({ ...shape, study: untuned })));
});

Deno.test("studyReport() ranks methods by test accuracy, with scores from elsewhere between them", () => {
  const scores: Record<string, number> = { adaptive: 0.71, padded: 0.3, cut: 0.5, full: 0.6 };
  const results = scored(
    sampleStudy(shape),
    ({ method, seed }) => scores[method] + (seed - 2) / 100,
  );
  const table = tableOf(studyReport(results), "iid", /^Accuracy$/);
  assert.deepEqual(
    table.rows.map(({ cells, mark }) => [cells[0], cells[2], mark ?? ""]),
    [
      ["adaptive", "71.0 ± 1.0", ""],
      ["A paper's score", "69.85", "reference"],
      ["full", "60.0 ± 1.0", ""],
      ["cut", "50.0 ± 1.0", ""],
      ["padded", "30.0 ± 1.0", "strong"],
    ],
  );
});

Deno.test("studyReport() pairs every method with the baseline over their seeds", () => {
  const results = scored(
    sampleStudy(shape),
    ({ method, seed }) => seed / 10 + (method === "adaptive" ? 0.02 : 0),
  );
  const row = rowOf(tableOf(studyReport(results), "iid", /^Paired/), "adaptive");
  // The same at every seed, whatever the seeds' own spread.
  assert.equal(row["Test, last round"], "+2.0 [+2.0, +2.0]");
  assert.equal(row.Seeds, "3");
  const named = sampleStudy({ ...shape, study: { ...shape.study, baseline: "full" } });
  assert.ok(tableOf(studyReport(named), "iid", /^Paired differences to full$/) !== undefined);
});

Deno.test("studyReport() tells budgets, bytes and what the target takes", () => {
  const results = sampleStudy({ ...shape, study: { ...shape.study, baseline: "full" } });
  const report = studyReport(results);
  const row = rowOf(tableOf(report, "iid", /38\.0 %/), "adaptive");
  assert.equal(row.Ranks, "2/4/8 of 8");
  // Four clients at rank 2, three at 4 and at 8 each: 44 of ten times 8.
  assert.equal(row["Of full's"], "55.0 %");
  assert.equal(row["Rate / head's"], "0.01 / 0.03");
  assert.match(row["Rounds to it"], /^\d+(\.5)? \(3 of 3\)$/);
  const never = rowOf(
    tableOf(studyReport(sampleStudy({ ...shape, study: { targets: { iid: 0.9 } } })), "iid", /90/),
    "adaptive",
  );
  assert.equal(never["Rounds to it"], "> 12 (0 of 3)");
});

Deno.test("studyReport() shows the drop at distribution of truncation, and none of freezing", () => {
  const report = studyReport(sampleStudy(shape));
  const table = tableOf(report, "iid", /lost at distribution/);
  assert.equal(rowOf(table, "adaptive")["Rank 2"], "0");
  assert.equal(rowOf(table, "full")["Rank 2"], "–");
  assert.ok(parseFloat(rowOf(table, "cut")["Rank 2"]) > parseFloat(rowOf(table, "cut")["Rank 4"]));
  const drawn = sectionOf(report, "iid").flatMap((block) =>
    block.kind === "figures" ? block.figures : []
  ).find(({ file }) => file === "iid-distribution.svg")!;
  assert.ok(drawn.figure.content.includes(">cut<"));
  assert.ok(!drawn.figure.content.includes(">adaptive<"));
});

Deno.test("studyReport() gives claims their verdicts, intervals and seeds", () => {
  const [finding] = findingsOf(studyReport(sampleStudy(shape)));
  assert.equal(finding.claim, better.text);
  assert.equal(finding.verdict, "not shown");
  assert.match(finding.reason, /^Holds in iid .*Fewer than 5 seeds in iid \(3\), skewed \(3\)/);
  assert.match(finding.cells[0], /^iid: \+\d+\.\d points \[\+.*\], n = 3: holds\.$/);
});

Deno.test("studyReport() shows at a glance what each cell says of each claim", () => {
  const faster: Claim = {
    ...better,
    text: "Adaptive has zero-padding's best in 60 % of its rounds",
    metric: "roundsToRivalsBest",
    margin: 1.667,
    cells: ["iid"],
  };
  const turned: Claim = {
    ...better,
    text: "The other way round",
    method: "padded",
    than: "adaptive",
  };
  const report = studyReport(
    sampleStudy({
      ...shape,
      grid: shape.grid.map((part) => ({ ...part, seeds: [1, 2, 3, 4, 5] })),
      study: { ...shape.study, claims: [better, faster, turned] },
    }),
  );
  assertSound(report);
  const table = tableOf(report, "Verdicts", /./);
  assert.deepEqual(table.head, ["Verdict", "After Holm", "Claim", "To lie", "iid", "skewed"]);
  const [first, second, third] = table.rows.map(({ cells }) => cells);
  assert.deepEqual(first.slice(0, 4), ["holds", "holds", better.text, "above 0.0 points"]);
  for (const cell of first.slice(4)) assert.match(cell, /^holds: \+\S+ points \[\+.*\], n = 5$/);
  assert.equal(second[3], "below 0.60 of the rounds");
  assert.match(second[4], /: in 0\.\d\d \[0\.\d\d, \d\.\d\d\] of the rounds, n = 5$/);
  assert.equal(second[5], "–");
  for (const cell of third.slice(4)) assert.match(cell, /^the opposite holds: −/);
});

Deno.test("studyReport() says first what is missing and what failed", () => {
  const failing = { ...shape.methods.cut, fails: [2] };
  const results = sampleStudy({ ...shape, methods: { ...shape.methods, cut: failing } });
  const half = {
    ...results,
    runs: results.runs.filter(({ cell, seed }) => cell === "iid" || seed === 1),
  };
  const report = studyReport(half);
  assert.deepEqual(report.notes, [
    "The study is not finished: 17 of 24 runs done. Missing: 7 of skewed.",
    '2 runs of 24 failed and are in no mean: see "What was run".',
  ]);
  assertSound(report);
  assert.equal(rowOf(tableOf(report, "iid", /^Accuracy$/), "cut").Seeds, "2 of 3, 1 failed");
  assert.deepEqual(rowOf(tableOf(report, "What was run", /^Seeds$/), "cut"), {
    Method: "cut",
    iid: "1, 3; failed: 2",
    skewed: "1; failed: 2; missing: 3",
  });
  const [failed] = sectionOf(report, "What was run").filter((block) => block.kind === "list");
  assert.deepEqual(failed.kind === "list" && failed.items, [
    "iid/cut/seed-2: The validation loss was not finite in round 3",
    "skewed/cut/seed-2: The validation loss was not finite in round 3",
  ]);
  assert.deepEqual(studyReport(sampleStudy(shape)).notes, []);
});

Deno.test("studyReport() tells what runs say of themselves, with whose they are unless all are", () => {
  const results = sampleStudy(shape);
  const telling = (run: StudyRun): StudyRun => ({
    ...run,
    facts: { ...run.facts, notes: run.method === "cut" ? ["Of all", "Of one"] : ["Of all"] },
  });
  const report = studyReport({
    ...results,
    runs: results.runs.map(telling),
    trials: results.trials.map((run) => "failed" in run ? run : telling(run)),
  });
  const lists = sectionOf(report, "What was run").filter((block) => block.kind === "list");
  const items = lists.flatMap((block) => block.kind === "list" ? block.items : []);
  assert.deepEqual(items.slice(-2), ["Of all", "cut: Of one"]);
});

Deno.test("studyReport() tells of a method that no trial found settings for", () => {
  const results = sampleStudy(shape);
  const failed = (run: StudyRun) => ({ ...run, failed: "It diverged" });
  const report = studyReport({
    ...results,
    runs: results.runs.filter(({ method }) => method !== "cut"),
    trials: results.trials.map((run) =>
      run.method === "cut" && !("failed" in run) ? failed(run) : run
    ),
  });
  assert.deepEqual(report.notes, ["cut is not run: all trials of its tuning failed."]);
});

Deno.test("studyReport() shows the tuning with the trial that was chosen", () => {
  const table = tableOf(studyReport(sampleStudy(shape)), "What was run", /^Tuning$/);
  assert.deepEqual(table.head, ["Method", "lr 0.01", "lr 0.02", "lr 0.1"]);
  const cells = Object.values(rowOf(table, "adaptive"));
  assert.match(cells[1], /^✓ \d+\.\d %$/);
  assert.match(cells[2], /^\d+\.\d %$/);
  assert.equal(cells[3], "failed");
});

Deno.test("studyReport() is by validation accuracy where the test rows were not evaluated", () => {
  const untested = sampleStudy({
    ...shape,
    study: { ...shape.study, settings: { rounds: 12, evalTest: false } },
  });
  const report = studyReport(untested);
  assertSound(report);
  assert.equal(rowOf(tableOf(report, "iid", /^Accuracy$/), "adaptive")["Test, last round"], "–");
  assert.ok(tableOf(report, "iid", /^Paired/).head.includes("Validation, last round"));
  assert.equal(findingsOf(report)[0].verdict, "cannot be said");
});
