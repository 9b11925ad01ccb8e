import assert from "node:assert/strict";
import {
  barPretrainReporter,
  jsonPretrainReporter,
  linePretrainReporter,
  type PretrainReporter,
} from "../../../src/cli/pretrain/progress.ts";

const metric = {
  step: 1050,
  loss: 6.5432,
  validationLoss: 6.1,
  learningRate: 0.0005,
  tokensPerSecond: 4321.5,
  seconds: 75,
};

function play(reporter: PretrainReporter): void {
  for (const label of ["Counting pieces", "Tokenizing"]) {
    for (const documents of [0, 1, 1500]) {
      reporter.read({ label, documents, bytes: documents * 1000, totalBytes: 2_000_000 });
    }
  }
  reporter.note("Model    BERT");
  reporter.start(1000, 14_000);
  reporter.step(1001, undefined);
  reporter.step(1050, 6.5);
  reporter.metric(metric);
  reporter.close();
}

const line =
  "step  1,050/14,000  loss 6.543  rate 5.0e-4  4,322 tokens/s  1 min 15 s  held out 6.100";

Deno.test("linePretrainReporter() writes a line a pass, a note and a metric", () => {
  const lines: string[] = [];
  play(linePretrainReporter((line) => lines.push(line)));
  assert.deepEqual(lines, [
    "Counting pieces (2.00 MB)",
    "Tokenizing (2.00 MB)",
    "Model    BERT",
    line,
  ]);
});

Deno.test("jsonPretrainReporter() writes one JSON object a line, each with its type", () => {
  const lines: string[] = [];
  play(jsonPretrainReporter((line) => lines.push(line)));
  assert.deepEqual(lines.map((line) => JSON.parse(line)), [
    { type: "read", label: "Counting pieces", totalBytes: 2_000_000 },
    { type: "read", label: "Tokenizing", totalBytes: 2_000_000 },
    { type: "note", text: "Model    BERT" },
    { type: "start", done: 1000, steps: 14_000 },
    { type: "metric", ...metric },
  ]);
});

Deno.test("barPretrainReporter() counts bytes, then the steps that are left", () => {
  const events: string[] = [];
  play(barPretrainReporter((line) => events.push(`line ${line}`), {
    start: (total) => events.push(`start ${total}`),
    update: (done, text) => events.push(`${done} ${text}`),
    above(write) {
      events.push("above");
      write();
    },
    stop: () => events.push("stop"),
  }));
  assert.deepEqual(events, [
    ...["Counting pieces", "Tokenizing"].flatMap((label) => [
      "start 2000000",
      `0 ${label} · 0 documents`,
      `1000 ${label} · 1 documents`,
      `1500000 ${label} · 1,500 documents`,
    ]),
    "above",
    "line Model    BERT",
    "start 13000",
    "1 step 1,001/14,000",
    "50 step 1,050/14,000 · loss 6.500",
    "above",
    `line ${line}`,
    "stop",
  ]);
});
