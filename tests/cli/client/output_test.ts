import assert from "node:assert/strict";
import type { Bar } from "../../../src/cli/progress_bar.ts";
import {
  barOutput,
  type ClientIntroduction,
  type ClientOutput,
  jsonOutput,
  lineOutput,
} from "../../../src/cli/client/output.ts";

const introduction: ClientIntroduction = {
  server: "http://host:8080",
  run: "r7",
  runName: "news",
  rounds: 20,
  name: "ana",
  client: 2,
  role: "client",
  rank: 4,
  samples: 1131,
  heldOut: 125,
  model: "built-in base",
  device: "cpu (2 threads)",
  state: "hafl-clients/ana",
};

const heldOut = { rounds: 2, rows: 125, correct: 50, loss: 250 };

const round = {
  kind: "round",
  round: 2,
  losses: Float64Array.of(1.2341, 1.1, 0.98),
  heldOut,
  up: 24_000,
  down: 79_000,
  seconds: 5.83,
} as const;

function tell(make: (write: (line: string) => void) => ClientOutput): string[] {
  const lines: string[] = [];
  const output = make((line) => lines.push(line));
  output.prepare({ label: "Tokenizing texts", done: 5, total: 10 });
  output.prepare({ label: "Tokenizing texts", done: 10, total: 10 });
  output.introduce(introduction);
  output.event({ kind: "waiting", reason: "clients" });
  output.event({ kind: "started", round: 2, attempt: 0 });
  output.event({ kind: "scored", report: heldOut });
  output.event({ kind: "step", round: 2, attempt: 0, step: 1, steps: 3 });
  output.event(round);
  output.reach("http://host:8080", "connection refused");
  output.reach("http://host:8080", undefined);
  output.event({ kind: "dropped", round: 3, why: "it came\u001b[2J too late" });
  output.event({ kind: "failed", round: 9, why: "the loss became NaN at step 2" });
  output.event({ kind: "delivered", round: 10 });
  output.end({ kind: "finished", rounds: 20, heldOut: { ...heldOut, rounds: 20 }, adapter: "out" });
  output.close();
  return lines;
}

Deno.test("lineOutput() tells one row in the singular", () => {
  const lines: string[] = [];
  const output = lineOutput((line) => lines.push(line));
  output.introduce({ ...introduction, samples: 1, heldOut: 1 });
  output.end({
    kind: "finished",
    rounds: 1,
    heldOut: { rounds: 1, rows: 1, correct: 1, loss: 1 },
    adapter: null,
  });
  assert.equal(lines[1], "Client   ana, client 2 of rank 4; 1 row to train on, 1 held out");
  assert.equal(lines.at(-1), "The run has ended after 1 round: 100.0 % of 1 held-out row right");
});

Deno.test("lineOutput() tells a client's run in lines", () => {
  assert.deepEqual(tell(lineOutput), [
    "Tokenizing texts",
    "Run      news, 20 rounds (r7 on http://host:8080)",
    "Client   ana, client 2 of rank 4; 1,131 rows to train on, 125 held out",
    "Model    built-in base",
    "Device   cpu (2 threads)",
    "State    hafl-clients/ana",
    "Waiting for other clients",
    "round  3/20  loss 1.234 → 0.980  held-out 40.0 %  up 24.0 kB  down 79.0 kB  5.8 s",
    "Cannot reach http://host:8080: connection refused; trying again",
    "http://host:8080 can be reached again",
    "round  4/20  not counted: it came\ufffd[2J too late",
    "round 10/20  failed: the loss became NaN at step 2; waiting for the next",
    "round 11/20  delivered what was trained before",
    "The run has ended after 20 rounds: 40.0 % of 125 held-out rows right",
    "Adapter  out",
  ]);
});

Deno.test("lineOutput() tells an evaluator's run by its scores", () => {
  const lines: string[] = [];
  const output = lineOutput((line) => lines.push(line));
  output.introduce({ ...introduction, role: "evaluator", client: 10 });
  output.event({ kind: "scored", report: heldOut });
  output.end({ kind: "stopped", rounds: 2, adapter: null });
  assert.deepEqual([lines[1], ...lines.slice(5)], [
    "Client   ana, evaluator 10; 125 rows to score with",
    "after round  2/20  accuracy 40.0 %  loss 2.000",
    "The run was stopped after 2 rounds",
  ]);
});

Deno.test("lineOutput() tells a language model's scores by its perplexity", () => {
  const lines: string[] = [];
  const report = { rounds: 2, tokens: 2000, loss: 7250 };
  const output = lineOutput((line) => lines.push(line));
  output.introduce(introduction);
  output.event({ ...round, heldOut: report });
  output.end({ kind: "finished", rounds: 20, heldOut: report, adapter: null });
  assert.deepEqual(lines.splice(5), [
    "round  3/20  loss 1.234 → 0.980  held-out perplexity   37.5  up 24.0 kB  down 79.0 kB  5.8 s",
    "The run has ended after 20 rounds: perplexity 37.5 on 2,000 held-out tokens",
  ]);
  output.introduce({ ...introduction, role: "evaluator", client: 10 });
  output.event({ kind: "scored", report });
  output.end({ kind: "finished", rounds: 20, heldOut: report, adapter: null });
  assert.deepEqual(lines.slice(10), [
    "after round  2/20  perplexity   37.5  loss 3.625",
    "The run has ended after 20 rounds: perplexity 37.5 on 2,000 tokens",
  ]);
});

Deno.test("barOutput() draws the steps of a round under its lines, and leaves no bar behind", () => {
  const drawn: string[] = [];
  let running = false;
  const bar: Bar = {
    start(total) {
      running = true;
      drawn.push(`start ${total}`);
    },
    update: (done, text) => void drawn.push(`${text}: ${done}`),
    above(write) {
      drawn.push(running ? "above" : "no bar");
      write();
    },
    stop: () => void (running = false),
  };
  const output = barOutput((line) => void drawn.push(`> ${line}`), bar);
  output.introduce(introduction);
  drawn.length = 0;
  const step = { kind: "step", round: 2, attempt: 0, steps: 2 } as const;
  output.event({ kind: "started", round: 2, attempt: 0 });
  output.event({ ...step, step: 1 });
  output.note("Tokens are not cached");
  output.event({ ...step, step: 2 });
  output.event({ kind: "dropped", round: 2, why: "too late" });
  assert.deepEqual(drawn.splice(0), [
    "start 2",
    "round 3: 1",
    "above",
    "> Tokens are not cached",
    "round 3: 2",
    "no bar",
    "> round  3/20  not counted: too late",
  ]);
  output.event({ kind: "started", round: 2, attempt: 1 });
  output.event({ ...step, attempt: 1, step: 1 });
  assert.deepEqual(drawn.splice(0), ["start 2", "round 3: 1"], "another attempt begins anew");
  output.close();
  assert.ok(!running);
});

Deno.test("lineOutput() says what to do about a certificate that is not trusted", () => {
  const lines: string[] = [];
  lineOutput((line) => lines.push(line))
    .reach("https://host", "invalid peer certificate: UnknownIssuer");
  assert.match(lines[0], /^Cannot reach https:\/\/host: invalid peer .*; .* set DENO_CERT /);
});

Deno.test("jsonOutput() prints one object a line, without the steps", () => {
  const objects = tell(jsonOutput).map((line) => JSON.parse(line));
  assert.deepEqual(objects.map(({ type }) => type), [
    "prepare",
    "client",
    "waiting",
    "started",
    "scored",
    "round",
    "unreached",
    "reached",
    "dropped",
    "failed",
    "delivered",
    "finished",
  ]);
  assert.equal(objects[5].round, 3);
  assert.deepEqual(objects[5].losses, [1.2341, 1.1, 0.98]);
  assert.equal(objects[11].adapter, "out");
});
