/** What a client scores of the banks that it comes by, and what becomes of its scores. */

import assert from "node:assert/strict";
import { fakeRun, problem } from "./fake_server.ts";
import { manifest, play, textTrainer, UNDISTURBED } from "./played_client.ts";

Deno.test("runClient() of a language model reports tokens and their loss, and no accuracy", async () => {
  const run = fakeRun(1);
  const evaluation = { tokens: 40, loss: 120 };
  const trainer = { ...textTrainer(), evaluate: () => Promise.resolve(evaluation) };
  const { end } = await play(run.handler, { trainer });
  assert.deepEqual(run.reports, [0, 1].map((rounds) => ({ rounds, ...evaluation })));
  assert.ok(end.kind === "finished");
  assert.deepEqual(end.heldOut, { rounds: 1, ...evaluation });
});

Deno.test("runClient() without rows scores nothing", async () => {
  const run = fakeRun(2);
  const { end } = await play(run.handler, { heldOutRows: 0 });
  assert.deepEqual(run.reports, []);
  assert.ok(end.kind === "finished" && end.heldOut === undefined);
});

Deno.test("runClient() under truncation scores the whole bank, not the download", async () => {
  const run = fakeRun(1);
  const scored: string[] = [];
  const truncated = { ...manifest, method: { ...manifest.method, method: "truncate" as const } };
  const { events } = await play(run.handler, {
    manifest: truncated,
    trainer: textTrainer([], scored),
  });
  assert.deepEqual(scored, ["bank: bank 0", "bank: bank 1"]);
  const round = events.find((event) => event.kind === "round")!;
  assert.equal(round.down, "download 0".length + "bank 0".length);
});

Deno.test("runClient() scores every bank that an evaluator is offered", async () => {
  const run = fakeRun(2, { role: "evaluator" });
  const scored: string[] = [];
  const trainer = textTrainer([], scored);
  const { end } = await play(run.handler, { role: "evaluator", trainer });
  assert.equal(end.kind, "finished");
  assert.deepEqual(scored, ["bank: bank 0", "bank: bank 1", "bank: bank 2"]);
  assert.deepEqual(run.reports.map(({ rounds }) => rounds), [0, 1, 2]);
});

Deno.test("runClient() reports a bank that has diverged, so that an evaluator goes on to the next", async () => {
  for (const loss of [NaN, Infinity]) {
    const run = fakeRun(2, { role: "evaluator" });
    const evaluation = { rows: 10, correct: 1, loss };
    const trainer = { ...textTrainer(), evaluate: () => Promise.resolve(evaluation) };
    const { end } = await play(run.handler, { role: "evaluator", trainer });
    assert.equal(end.kind, "finished");
    assert.deepEqual(
      run.reports.map(({ rounds, loss }) => [rounds, loss]),
      [0, 1, 2].map(
        (rounds) => [rounds, 1e300],
      ),
    );
  }
});

Deno.test("runClient() hands out the final bank though its score is not wanted any more", async () => {
  const run = fakeRun(0);
  const { end } = await play((request) =>
    request.route.includes("/evaluations/") ? problem("run-over", 409) : run.handler(request)
  );
  assert.ok(end.kind === "finished" && end.bank.length > 0);
});

Deno.test("runClient() trains though its score is not wanted, or is no number", async () => {
  for (const loss of [NaN, 1]) {
    const run = fakeRun(2);
    const trainer = {
      ...textTrainer(),
      evaluate: () => Promise.resolve({ rows: 1, correct: 0, loss }),
    };
    await play((request) => {
      const report = request.route.includes("/evaluations/");
      return report ? problem("conflict", 409) : run.handler(request);
    }, { trainer });
    assert.deepEqual(run.updates, UNDISTURBED.slice(0, 2));
    assert.deepEqual(run.reports, []);
  }
});
