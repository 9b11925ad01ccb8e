import assert from "node:assert/strict";
import {
  enrol,
  invite,
  nextTask,
  recordEvaluation,
  runStatus,
  type Service,
  sweep,
  tick,
} from "../../../server/runs/mod.ts";
import type { AnyEvaluationReport } from "../../../src/protocol/http/documents.ts";
import { bestRounds } from "../../../server/runs/evaluations.ts";
import { tinyLanguageManifest, tinyManifest } from "../tiny_run.ts";
import {
  bankBytes,
  joinedRun,
  newKey,
  refuses,
  serviceOn,
  sign,
  startRun,
  stores,
  takePart,
} from "./support.ts";

const manifest = tinyManifest({ rounds: 8 });

async function playRound(service: Service, run: string): Promise<void> {
  for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
  await tick(service);
}

async function evaluatorOf(service: Service, run: string): Promise<number> {
  const [{ token }] = await invite(service, run, "admin", [{ role: "evaluator" }]);
  const { publicKey, keyId } = await newKey();
  return (await enrol(service, run, { token, name: "e", publicKey }, sign(keyId))).client;
}

for (const store of stores) {
  store.test("recordEvaluation() weighs parties by their rows, clients and evaluators apart", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const evaluator = await evaluatorOf(service, run);
    await playRound(service, run);
    const record = (client: number, rounds: number, rows: number, correct: number, loss: number) =>
      recordEvaluation(service, run, client, { rounds, rows, correct, loss }, sign());
    await record(0, 1, 10, 9, 5);
    await record(1, 1, 30, 10, 40);
    await record(1, 1, 30, 11, 41); // replaces
    await record(evaluator, 1, 100, 50, 70);
    await record(2, 0, 4, 1, 6);
    const { published: [initial, first] } = await runStatus(service, run);
    assert.deepEqual(first.heldOut, { accuracy: 20 / 40, loss: 46 / 40, rows: 40, parties: 2 });
    assert.deepEqual(first.evaluators, { accuracy: 0.5, loss: 0.7, rows: 100, parties: 1 });
    assert.deepEqual(initial.heldOut, { accuracy: 0.25, loss: 1.5, rows: 4, parties: 1 });
    assert.equal(initial.evaluators, null);
  });

  store.test("recordEvaluation() refuses what no evaluation says", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const good = { rounds: 0, rows: 10, correct: 5, loss: 7 };
    const faults = [{ rows: 0 }, { correct: 11 }, { correct: -1 }, { loss: -1 }, { loss: NaN }, {
      rows: 2e9,
    }];
    for (const fault of faults) {
      const work = () => recordEvaluation(service, run, 0, { ...good, ...fault }, sign());
      await refuses(work, "malformed", { reason: "malformed" });
    }
    for (const rounds of [1, -1, 0.5]) {
      const work = () => recordEvaluation(service, run, 0, { ...good, rounds }, sign());
      await refuses(work, "conflict", { reason: "wrong-round" });
    }
    const signed = sign();
    await recordEvaluation(service, run, 0, good, signed);
    const again = () => recordEvaluation(service, run, 0, good, signed);
    await refuses(again, "replay", { reason: "replay" });
  });

  store.test("recordEvaluation() weighs parties of a language model by their predictions", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await joinedRun(service, tinyLanguageManifest());
    const evaluator = await evaluatorOf(service, run);
    const record = (client: number, tokens: number, loss: number) =>
      recordEvaluation(service, run, client, { rounds: 0, tokens, loss }, sign());
    await record(0, 100, 300);
    await record(1, 300, 700);
    await record(1, 300, 500); // replaces
    await record(evaluator, 50, 50);
    const { task, labels, published: [initial] } = await runStatus(service, run);
    assert.deepEqual([task, labels], ["lm", 0]);
    assert.deepEqual(initial.heldOut, {
      perplexity: Math.exp(2),
      loss: 2,
      tokens: 400,
      parties: 2,
    });
    assert.deepEqual(initial.evaluators, {
      perplexity: Math.E,
      loss: 1,
      tokens: 50,
      parties: 1,
    });
    await record(2, 1, 1e6);
    const { published: [diverged] } = await runStatus(service, run);
    assert.ok(
      diverged.heldOut && "perplexity" in diverged.heldOut &&
        Number.isFinite(diverged.heldOut.perplexity),
      "a number that JSON can carry",
    );
  });

  store.test("recordEvaluation() refuses a score of another kind of model, with its reason", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await joinedRun(service, tinyLanguageManifest());
    const refused = async (report: AnyEvaluationReport, message: RegExp) =>
      await refuses(
        () => recordEvaluation(service, run, 0, report, sign()),
        "malformed",
        { reason: "malformed", message },
      );
    const good = { rounds: 0, tokens: 10, loss: 7 };
    await refused(
      { rounds: 0, rows: 10, correct: 5, loss: 7 },
      /trains a language model, which has no accuracy: expected tokens and their loss, got rows/,
    );
    await refused({ ...good, loss: Infinity }, /expected a loss of 0 to 1e\+300, got Infinity$/);
    await refused({ ...good, loss: NaN }, /got NaN$/);
    await refused({ ...good, tokens: 0 }, /expected 1 to 1000000000 rows or tokens, got 0$/);
    await refused({ ...good, tokens: 2.5 }, /got 2\.5$/);
    const status = await runStatus(service, run);
    assert.equal(status.rejectCounts.malformed, 5);
    assert.equal(status.published[0].heldOut, null);

    const other = await joinedRun(service, manifest);
    await refuses(() => recordEvaluation(service, other, 0, good, sign()), "malformed", {
      reason: "malformed",
      message: /trains a classifier: expected its rows and correct ones, got tokens$/,
    });
  });

  store.test("an evaluator scores the banks that are kept, one after the other", async ({ open }) => {
    const service = serviceOn(await open());
    const { run } = await startRun(service, manifest);
    const evaluator = await evaluatorOf(service, run);
    const task = () => nextTask(service, run, evaluator);
    const report = async (rounds: number) =>
      await recordEvaluation(
        service,
        run,
        evaluator,
        { rounds, rows: 1, correct: 1, loss: 0 },
        sign(),
      );
    assert.deepEqual(await task(), { kind: "evaluate", rounds: 0 });
    await report(0);
    assert.deepEqual(await task(), { kind: "wait", reason: "clients" });
  });

  store.test("sweep() keeps the first bank, the latest three and the best, and all records", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const evaluator = await evaluatorOf(service, run);
    for (let round = 0; round < 7; round++) await playRound(service, run);
    const scores = [0, 4, 9, 3, 9, 1, 2, 3];
    for (const [rounds, correct] of scores.entries()) {
      await recordEvaluation(service, run, 0, { rounds, rows: 10, correct, loss: 1 }, sign());
    }
    await sweep(service);
    for (const rounds of [0, 2, 5, 6, 7]) await bankBytes(service, run, rounds);
    for (const rounds of [1, 3, 4]) {
      await refuses(() => bankBytes(service, run, rounds), "not-found");
    }
    assert.equal((await runStatus(service, run)).published.length, 8);
    const evaluate = { kind: "evaluate", rounds: 0 };
    assert.deepEqual(await nextTask(service, run, evaluator), evaluate);
    await recordEvaluation(service, run, evaluator, {
      rounds: 0,
      rows: 1,
      correct: 0,
      loss: 1,
    }, sign());
    assert.deepEqual(await nextTask(service, run, evaluator), { kind: "evaluate", rounds: 2 });
    const revision = (await runStatus(service, run)).revision;
    await sweep(service);
    assert.equal((await runStatus(service, run)).revision, revision, "nothing more to sweep");
    await playRound(service, run);
    assert.deepEqual(await nextTask(service, run, 0), { kind: "finished", rounds: 8 });
    assert.deepEqual(await nextTask(service, run, evaluator), { kind: "evaluate", rounds: 2 });
  });
}

Deno.test("bestRounds() of a language model is that of the lowest loss", () => {
  const score = (loss: number) => ({ perplexity: Math.exp(loss), loss, tokens: 1, parties: 1 });
  const scores = new Map([5, 3, 3, 4].map((loss, rounds) => [
    rounds,
    { heldOut: score(loss), evaluators: null },
  ]));
  assert.equal(bestRounds(scores), 1);
});

Deno.test("bestRounds() is the first best by clients, and by evaluators without them", () => {
  const score = (accuracy: number) => ({ accuracy, loss: 1, rows: 1, parties: 1 });
  const scores = new Map([
    [0, { heldOut: null, evaluators: score(0.9) }],
    [3, { heldOut: score(0.5), evaluators: null }],
    [1, { heldOut: score(0.5), evaluators: score(0.95) }],
  ]);
  assert.equal(bestRounds(scores), 1);
  assert.equal(bestRounds(new Map([...scores].slice(0, 1))), 0);
  assert.equal(bestRounds(new Map()), undefined);
});
