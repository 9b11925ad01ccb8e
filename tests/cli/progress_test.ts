import assert from "node:assert/strict";
import {
  barReporter,
  jsonReporter,
  lineReporter,
  type Reporter,
  roundLine,
} from "../../src/cli/progress.ts";
import {
  bytesText,
  countText,
  durationText,
  percentText,
  roundBytesText,
} from "../../src/cli/units.ts";
import { sampleRun } from "./sample_run.ts";

const { records, summary } = sampleRun({
  rounds: 2,
  layers: 1,
  projections: ["q_proj"],
  labels: ["no", "yes"],
  given: {},
});

/** Two rounds of two clients with three steps each. */
function play(reporter: Reporter): void {
  reporter.note("Run in runs/x");
  reporter.prepare({ label: "Tokenizing texts", done: 0, total: 2000 });
  reporter.prepare({ label: "Tokenizing texts", done: 1000, total: 2000 });
  reporter.prepare({ label: "Tokenizing texts", done: 2000, total: 2000 });
  reporter.start({ rounds: 2, done: 0, clients: 2, steps: 3 });
  for (const record of records) {
    for (const client of [1, 2]) {
      for (const step of [1, 2, 3]) {
        reporter.step({ round: record.round, client, step, place: client, places: 2 });
      }
    }
    reporter.round(record);
  }
  reporter.done(summary);
  reporter.close();
}

Deno.test("lineReporter() writes a line a round and the summary", () => {
  const lines: string[] = [];
  play(lineReporter((line) => lines.push(line)));
  assert.deepEqual(lines.slice(0, 2), ["Run in runs/x", "Tokenizing texts (2,000)"]);
  assert.deepEqual(lines.slice(2, 4), records.map((record) => roundLine(record, 2)));
  assert.match(lines[4], /^Validation accuracy: .* \(chance 50\.0 %, 2 labels\)$/);
  assert.match(lines[5], /^Worst client: .* % after the last round/);
  assert.match(lines[6], /^Test accuracy: .* \(7,532 rows\)$/);
  assert.match(lines[7], /^Sent: /);
  assert.equal(lines.length, 8);
});

Deno.test("jsonReporter() writes one JSON object a line, each with its type", () => {
  const lines: string[] = [];
  play(jsonReporter((line) => lines.push(line)));
  const events = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map((event) => event.type),
    ["note", "prepare", "prepare", "start"].concat(
      ["client", "client", "round", "client", "client", "round", "done"],
    ),
  );
  const { type: _, ...record } = events[6];
  assert.deepEqual(record, records[0]);
});

Deno.test("barReporter() counts the steps of all clients and keeps lines clear of the bar", () => {
  const events: string[] = [];
  play(barReporter((line) => events.push(`line ${line.slice(0, 9)}`), {
    start: (total) => events.push(`start ${total}`),
    update: (done, text) => events.push(`${done} ${text}`),
    above(write) {
      events.push("clear");
      write();
    },
    stop: () => events.push("stop"),
  }));
  assert.ok(events.includes("start 2000") && events.includes("start 12"));
  assert.ok(events.includes("12 round 2/2 · client 2/2"));
  for (const [index, event] of events.entries()) {
    if (event.startsWith("line")) assert.equal(events[index - 1].startsWith("line"), false);
  }
  assert.equal(events[events.length - 1], "stop");
});

Deno.test("barReporter() counts from the round a resumed run continues with", () => {
  const events: string[] = [];
  const reporter = barReporter(() => {}, {
    start: (total) => events.push(`start ${total}`),
    update: (done) => events.push(String(done)),
    above: (write) => write(),
    stop() {},
  });
  reporter.start({ rounds: 5, done: 3, clients: 2, steps: 10 });
  reporter.step({ round: 4, client: 2, step: 1, place: 2, places: 2 });
  assert.deepEqual(events, ["start 40", "11"]);
});

Deno.test("barReporter() fills a round with the steps of those that train", () => {
  const events: number[] = [];
  const reporter = barReporter(() => {}, {
    start: (total) => events.push(total),
    update: (done) => events.push(done),
    above: (write) => write(),
    stop() {},
  });
  reporter.start({ rounds: 2, done: 0, clients: 4, steps: 10 });
  // Two of four vanished: each step of the others counts twice.
  reporter.step({ round: 1, client: 17, step: 1, place: 1, places: 2 });
  reporter.step({ round: 1, client: 30, step: 10, place: 2, places: 2 });
  assert.deepEqual(events, [80, 2, 40]);
});

Deno.test("roundLine() tells who answered only where that is not everyone, and of no loss by a dash", () => {
  const { attendance: _, ...record } = records[0];
  const line = (sampled: number, answered: number, arrived: number, trainLoss: number | null) => {
    const attendance = { sampled, answered, vanished: 0, late: sampled - answered, arrived };
    return roundLine({ ...record, attendance, trainLoss }, 2);
  };
  assert.doesNotMatch(line(5, 5, 0, 1), /answered/);
  assert.match(line(5, 3, 0, 1), /train 1\.000 .* answered 3 of 5 /);
  assert.match(line(5, 5, 2, 1), / answered 5 of 5 and 2 late /);
  assert.match(line(5, 0, 0, null), /train — .* answered 0 of 5 /);
});

Deno.test("bytesText() keeps three significant digits", () => {
  assert.deepEqual(
    [0, 999, 1000, 9994, 9996, 99_960, 999_499, 999_500, 1_234_567, 2e12].map(bytesText),
    ["0 B", "999 B", "1.00 kB", "9.99 kB", "10.0 kB", "100 kB", "999 kB", "1.00 MB", "1.23 MB"]
      .concat("2.00 TB"),
  );
});

Deno.test("roundBytesText() drops trailing zeros after the point only", () => {
  assert.deepEqual(
    [0, 200, 200_000, 2_000_000, 2_500_000, 12_500_000].map(roundBytesText),
    ["0 B", "200 B", "200 kB", "2 MB", "2.5 MB", "12.5 MB"],
  );
});

Deno.test("durationText(), percentText() and countText() round without odd carries", () => {
  assert.deepEqual(
    [0, 59.94, 59.96, 200, 3599.6, 7500].map(durationText),
    ["0.0 s", "59.9 s", "1 min 00 s", "3 min 20 s", "1 h 00 min", "2 h 05 min"],
  );
  assert.equal(percentText(0.2153), "21.5 %");
  assert.equal(countText(11314), "11,314");
});
