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
import { bestRounds } from "../../../server/runs/evaluations.ts";
import { tinyManifest } from "../tiny_run.ts";
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
