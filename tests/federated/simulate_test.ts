/** What a round distributes, leaves alone, and counts. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { labelBatches, requireLabelled } from "../../src/federated/device_batches.ts";
import type { Federation } from "../../src/federated/federation.ts";
import { evaluateBank } from "../../src/federated/evaluate_bank.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { evaluate, type Evaluation } from "../../src/lora/evaluate.ts";
import { installAdapter, type Session } from "../../src/lora/session.ts";
import type { AdapterBank } from "../../src/protocol/bank.ts";
import { gatherComponents, scatterComponents } from "../../src/protocol/components.ts";
import type { Deal } from "../../src/protocol/deal.ts";
import { applyDownload, decodeDownload, encodeDownload } from "../../src/protocol/messages/mod.ts";
import { addBytes, type RoundRecord } from "../../src/protocol/records.ts";
import { validateUpdate } from "../../src/protocol/validate_update.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  accuracyOf,
  dealsOf,
  labelRecord,
  labelScores,
  runRounds,
  tinyFederation,
  updateOf,
  withFederation,
  withTrainedB,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

for (const aggregator of ["adaptive", "zero-delta"] as const) {
  onEveryDevice(
    `runRound() by ${aggregator} moves a component that nobody trained by not one bit`,
    async (device) => {
      // Two clients of rank 1 leave at least two of four components to nobody. Weight decay would move whatever it reaches.
      const federation = await tinyFederation({
        aggregator,
        ranks: [1, 1],
        optimizer: { weightDecay: 0.1 },
      });
      await withFederation(device, federation, async (session) => {
        let state = withTrainedB(await startState(federation, session));
        for (let round = 0; round < 3; round++) {
          const before = state.bank;
          const next = await runRound(federation, session, state);
          state = next.state;
          before.modules.forEach((module, m) => {
            const counts = next.record.selected[m];
            assert.equal(counts.reduce((sum, count) => sum + count, 0), 2);
            counts.forEach((count, i) => {
              const was = bitsOf(module, i), is = bitsOf(state.bank.modules[m], i);
              if (count === 0) assert.deepEqual(is, was);
              else assert.notDeepEqual(is, was);
            });
          });
        }
      });
    },
  );
}

onEveryDevice(
  "runRound() by freezing costs no accuracy at distribution, whatever the client's rank",
  async (device) => {
    const federation = await tinyFederation();
    await withFederation(device, federation, async (session) => {
      const start = await startState(federation, session);
      const { state } = await runRounds(federation, session, start, 2);
      for (const deal of dealsOf(federation, state)) {
        assert.deepEqual(
          await distributed(federation, session, state.bank, deal),
          state.evaluation,
        );
      }
      const record = labelRecord((await runRound(federation, session, state)).record);
      const accuracy = accuracyOf(state.evaluation);
      assert.deepEqual(
        record.perTier,
        [1, 2, 4].map((rank) => ({ rank, clients: 1, accuracyAfterDistribution: accuracy })),
      );
    });
  },
);

Deno.test("runRound() by truncation evaluates each tier with its own components alone", async () => {
  const federation = await tinyFederation({ distribution: "truncate", ranks: [1, 1, 2, 4] });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state } = await runRounds(federation, session, start, 3);
    const record = labelRecord((await runRound(federation, session, state)).record);
    const [one, , two, four] = dealsOf(federation, state);
    const expected = [];
    for (const { indices } of [one, two, four]) {
      const held = keepOnly(state.bank, indices);
      expected.push(
        accuracyOf(await evaluateBank(federation, session, held, federation.validation)),
      );
    }
    assert.deepEqual(record.perTier.map(({ rank, clients }) => [rank, clients]), [
      [1, 2],
      [2, 1],
      [4, 1],
    ]);
    assert.deepEqual(record.perTier.map((tier) => tier.accuracyAfterDistribution), expected);
    assert.equal(expected[2], accuracyOf(state.evaluation));
    assert.ok(new Set(expected).size > 1, "a tier that held all would show the same");
  });
});

Deno.test("runRound() gives a tier the mean over its clients where they hold different components", async () => {
  const federation = await tinyFederation({
    distribution: "truncate",
    ranks: [1, 1, 1, 4],
    warmupRounds: 4,
  });
  await withFederation(cpu, federation, async (session) => {
    const { state } = await runRounds(
      federation,
      session,
      await startState(federation, session),
      3,
    );
    const record = labelRecord((await runRound(federation, session, state)).record);
    const accuracies = [];
    for (const { indices } of dealsOf(federation, state).slice(0, 3)) {
      const held = keepOnly(state.bank, indices);
      accuracies.push(
        accuracyOf(await evaluateBank(federation, session, held, federation.validation)),
      );
    }
    assert.ok(new Set(accuracies).size > 1, "the clients must differ for the mean to show");
    const mean = (accuracies[0] + accuracies[1] + accuracies[2]) / 3;
    assert.equal(record.perTier[0].accuracyAfterDistribution, mean);
  });
});

for (const distribution of ["freeze", "truncate"] as const) {
  Deno.test(`runRound() by ${distribution} counts the bytes of its messages`, async () => {
    const federation = await tinyFederation({ distribution });
    const { modules, head, rank } = federation.local.layout;
    await withFederation(cpu, federation, async (session) => {
      const state = withTrainedB(await startState(federation, session));
      let up = 0, down = 0, upLora = 0, downLora = 0;
      for (const deal of dealsOf(federation, state)) {
        const budget = federation.clients[deal.client].rank;
        assert.ok(deal.indices.every((list) => list.length === budget));
        const download = encodeDownload(state.bank, deal, { run: federation.run });
        const { update, bytes } = await updateOf(federation, session, state.bank, deal);
        validateUpdate(state.bank, deal, update);
        modules.forEach(({ inFeatures, outFeatures }, m) => {
          assert.equal(update.a![m].length, budget * inFeatures);
          assert.equal(update.b[m].length, budget * outFeatures);
          upLora += 4 * budget * (inFeatures + outFeatures);
          const held = distribution === "freeze" ? rank : budget;
          downLora += 4 * held * (inFeatures + outFeatures);
        });
        up += bytes.length;
        down += download.bytes.length;
      }
      const record = labelRecord((await runRound(federation, session, state)).record);
      const { upBytes, downBytes } = record;
      const headBytes = 3 * 4 *
        head.reduce((sum, { shape }) => sum + shape[0] * (shape[1] ?? 1), 0);
      assert.deepEqual([upBytes.lora, downBytes.lora], [upLora, downLora]);
      assert.deepEqual([upBytes.head, downBytes.head], [headBytes, headBytes]);
      assert.deepEqual([upBytes.total, downBytes.total], [up, down]);
      for (const { lora, head, overhead, total } of [upBytes, downBytes]) {
        assert.equal(lora + head + overhead, total);
      }
    });
  });
}

Deno.test("runRound() records what the round was", async () => {
  const federation = await tinyFederation();
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const steps: string[] = [];
    const { state, records } = await runRounds(
      federation,
      session,
      start,
      2,
      { onStep: ({ round, client, step }) => steps.push(`${round}.${client}.${step}`) },
    );
    const [first, second] = records;
    assert.deepEqual([first.round, second.round, state.rounds], [1, 2, 2]);
    assert.equal(steps.join(" ").slice(0, 29), "1.1.1 1.1.2 1.1.3 1.2.1 1.2.2");
    assert.deepEqual([steps.length, first.steps, steps[9]], [18, 9, "2.1.1"]);
    const total = (part: (record: RoundRecord) => number) => part(first) + part(second);
    assert.equal(second.cumulativeUp, total(({ upBytes }) => upBytes.total));
    assert.equal(second.cumulativeDown, total(({ downBytes }) => downBytes.total));
    assert.deepEqual(
      [state.cumulativeUp, state.cumulativeDown],
      [second.cumulativeUp, second.cumulativeDown],
    );
    const evaluation = await evaluateBank(federation, session, state.bank, federation.validation);
    assert.deepEqual(evaluation, state.evaluation);
    assert.equal(second.accuracy, labelScores(evaluation).correct / 20);
    assert.equal(second.loss, evaluation.loss / 20);
    assert.ok(Math.abs(first.trainLoss! - Math.log(3)) < 0.5, `train loss ${first.trainLoss}`);
    assert.deepEqual(second.scores, state.bank.scores.map((scores) => [...scores]));
    assert.equal(addBytes(first.upBytes, second.upBytes).total, second.cumulativeUp);
  });
});

Deno.test("runRound() learns the made-up task", async () => {
  const federation = await tinyFederation({
    samples: [30, 30, 30],
    local: { localSteps: 10 },
    warmupRounds: 1,
  });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { records } = await runRounds(federation, session, start, 5);
    const { accuracy, loss } = records[4];
    assert.ok(accuracy >= 0.65 && loss < 0.9, `accuracy ${accuracy}, loss ${loss}; chance 0.33`);
  });
});

Deno.test("runRound() trains a head alone where no module is adapted", async () => {
  const headOnly = await tinyFederation({ targets: /^$/ });
  await withFederation(cpu, headOnly, async (session) => {
    const start = await startState(headOnly, session);
    const { state, records } = await runRounds(headOnly, session, start, 1);
    assert.equal(records[0].trainedShare, 1);
    assert.equal(records[0].upBytes.lora, 0);
    assert.notDeepEqual(state.bank.head, start.bank.head);
  });
});

/** What a client sees of the validation rows after its download, before it trains. */
async function distributed(
  { run, sizes, local, validation }: Federation,
  session: Session,
  bank: AdapterBank,
  deal: Deal,
): Promise<Evaluation> {
  const { bytes } = encodeDownload(bank, deal, { run });
  const held = applyDownload(bank, decodeDownload(bytes, bank));
  installAdapter(session, { ...held, forward: held.deal.forward });
  const rows = requireLabelled(validation);
  return await evaluate(session, labelBatches(rows, sizes.evaluationBatch, local));
}

/** The bank with zeros in all other components. */
function keepOnly(bank: AdapterBank, indices: readonly Uint32Array[]): AdapterBank {
  const modules = bank.modules.map((module, m) =>
    scatterComponents(
      module,
      bank.rank,
      indices[m],
      gatherComponents(module, bank.rank, indices[m]),
    )
  );
  return { ...bank, modules };
}

/** A component's numbers as bits: −0 differs from 0. */
function bitsOf(module: AdapterBank["modules"][0], i: number): Uint32Array[] {
  const rank = module.a.length / module.inFeatures;
  const { a, b } = gatherComponents(module, rank, Uint32Array.of(i));
  return [new Uint32Array(a.buffer), new Uint32Array(b.buffer)];
}
