import assert from "node:assert/strict";
import { roundTable, seatTable, statusLines } from "../../../src/cli/run/status_text.ts";
import { printable } from "../../../src/cli/printable.ts";
import { textTable } from "../../../src/cli/run/text_table.ts";
import { changeLines } from "../../../src/cli/run/watch_view.ts";
import { now, round, sample, score, seat } from "./sample_status.ts";

Deno.test("statusLines() tells where a run stands, what was missed and what was refused", () => {
  assert.deepEqual(statusLines(sample, now), [
    'Run      rabc "news", running',
    "Model    tiny, 2 modules adapted at rank 4, 4 labels",
    "Method   freeze + adaptive, ranks 2,4",
    "Rounds   2 of 5 done; 2 of 2 clients a round, quorum 1, at most 10 min 00 s",
    "Now      round 3, collecting: 1 of 2 updates, 9 min 50 s left",
    "Score    75.0 % accuracy, loss 1.500 on 100 rows of 1 client",
    "Refused  2 norm, 1 replay",
  ]);
  const waiting = {
    ...sample,
    facts: { ...sample.facts, perRound: 1, seats: 1 },
    modules: ["q_proj"],
    state: "waiting" as const,
    current: null,
    retries: 1,
    published: [round(0, score(0.25)), round(1, null)],
    seats: [seat(0), seat(1, { state: "invited" }), seat(2, { role: "evaluator" })],
    rejectCounts: {},
  };
  const lines = statusLines(waiting, now);
  assert.equal(lines[0], 'Run      rabc "news", waiting: 1 of 2 clients ready');
  assert.equal(lines[1], "Model    tiny, 1 module adapted at rank 4, 4 labels");
  assert.match(lines[3], /; 1 of 1 client a round, /);
  assert.deepEqual(lines.slice(4), [
    "Score    25.0 % accuracy, loss 1.500 on 200 rows of 2 clients after round 0",
    "Missed   1 attempt without a quorum",
  ]);
});

Deno.test("statusLines() of a later attempt counts it, and past the deadline nothing is left", () => {
  const current = { ...sample.current!, attempt: 1, deadline: now - 5000 };
  const [, , , , line] = statusLines({ ...sample, current }, now);
  assert.equal(line, "Now      round 3, attempt 2, collecting: 1 of 2 updates, 0.0 s left");
});

Deno.test("seatTable() tells what each client does", () => {
  const lines = seatTable([
    ...sample.seats,
    seat(2, { state: "invited", name: null, rank: null, samples: null, lastContact: null }),
    seat(3, { role: "evaluator", rank: 0 }),
  ], now);
  assert.deepEqual(lines, [
    "Seat         Name    Rank   Rows  State    Does           Last heard",
    "client 0     site 0     2  1,035  ready    training 7/20   4.0 s ago",
    "client 1     site 1     4  1,035  ready    uploaded        4.0 s ago",
    "client 2                          invited                      never",
    "evaluator 3  site 3        1,035  ready    idle            4.0 s ago",
  ]);
});

Deno.test("roundTable() has a line a round, the initial adapter's first", () => {
  const published = [round(0, null), round(1, score(0.5))];
  assert.deepEqual(roundTable({ ...sample, published }), [
    "Round  Accuracy   Loss  Evaluators  Clients  Attempts       Up     Down  Trained",
    "    0                                                                      0.0 %",
    "    1    50.0 %  1.500                    2         1  1.23 kB  1.23 kB   50.0 %",
  ]);
});

Deno.test("a language model's run is told by its perplexity", () => {
  const heldOut = { perplexity: 37.52, loss: 3.6249, tokens: 9000, parties: 2 };
  const published = [{ ...round(1, heldOut), evaluators: { ...heldOut, perplexity: 1234.5 } }];
  const status = { ...sample, task: "lm" as const, labels: 0, published };
  const lines = statusLines(status, now);
  assert.equal(lines[1], "Model    tiny, 2 modules adapted at rank 4, language model");
  assert.equal(
    lines[5],
    "Score    perplexity 37.5, loss 3.625 on 9,000 tokens of 2 clients",
  );
  assert.match(statusLines({ ...status, task: "chat" }, now)[1], /, chat model$/);
  assert.deepEqual(roundTable(status), [
    "Round  Perplexity   Loss  Evaluators  Clients  Attempts       Up     Down  Trained",
    "    1        37.5  3.625       1,235        2         1  1.23 kB  1.23 kB   50.0 %",
  ]);
});

Deno.test("textTable() prints nothing that a terminal obeys: a client chose its name", () => {
  const [, line] = textTable([{ heading: "Name" }], [["a\x1b[2J\u202eb\n"]]);
  assert.equal(line, "a\ufffd[2J\ufffdb\ufffd");
  // Joiners make one sign of several, in names too.
  for (const name of ["Zoë 3", "👩‍💻", "می‌خواهم"]) assert.equal(printable(name), name);
});

Deno.test("a server's words in a status move no cursor", () => {
  const facts = { ...sample.facts, model: "\x1b[2J", method: "\x9b2J" };
  const hostile = { ...sample, run: "r\x07", name: "\x1b]0;x\x07", facts };
  for (const line of statusLines(hostile, now)) assert.doesNotMatch(line, /\p{Cc}/u);
  const state = "\x1b[2J" as typeof sample.state;
  assert.deepEqual(changeLines(sample, { ...sample, state }), ["\ufffd[2J"]);
});
