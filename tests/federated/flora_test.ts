/** FLoRA in a simulated federation: fresh adapters each round, stacked and merged into the base weights. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { evaluateBank } from "../../src/federated/evaluate_bank.ts";
import type { Federation } from "../../src/federated/federation.ts";
import { finalScore } from "../../src/federated/final_score.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { stackExchange } from "../../src/federated/stack_exchange.ts";
import { changedWeights } from "../../src/lora/base_changes.ts";
import type { Aggregator } from "../../src/protocol/aggregate/mod.ts";
import { freshComponents, scale } from "../../src/protocol/bank.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { deltaWeight } from "../../src/protocol/components.ts";
import { encodeMerged } from "../../src/protocol/merged_codec.ts";
import { NO_BYTES } from "../../src/protocol/records.ts";
import { first } from "../../src/protocol/selection.ts";
import type { ClientUpdate } from "../../src/protocol/update.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  accuracyOf,
  dealsOf,
  labelRecord,
  runRounds,
  tinyFederation,
  type TinySettings,
  widths,
  withFederation,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

const FLORA: TinySettings = {
  distribution: "truncate",
  aggregator: "flora",
  selector: first,
  warmupRounds: 0,
};

/** The federation, and the updates that its server takes in. */
function watched(federation: Federation): { federation: Federation; updates: ClientUpdate[] } {
  const updates: ClientUpdate[] = [];
  const aggregator: Aggregator = (bank) => {
    const aggregation = federation.server.aggregator(bank);
    return {
      ...aggregation,
      add(update) {
        updates.push(update);
        aggregation.add(update);
      },
    };
  };
  return { federation: { ...federation, server: { ...federation.server, aggregator } }, updates };
}

onEveryDevice(
  "runRound() by flora evaluates the base with Σ p_k s·B_k A_k of all rounds in it",
  async (device) => {
    const { federation, updates } = watched(await tinyFederation(FLORA));
    const { modules } = federation.local.layout;
    await withFederation(device, federation, async (session) => {
      const start = await startState(federation, session);
      const { state } = await runRounds(federation, session, start, 3);
      assert.equal(updates.length, 9);
      const all = federation.clients.reduce((sum, { samples }) => sum + samples.length, 0);
      const dense = modules.map((module, m) => {
        const sum = new Float64Array(module.inFeatures * module.outFeatures);
        for (const { samples, a, b } of updates) {
          const delta = deltaWeight({ ...module, a: a![m], b: b[m] }, scale(start.bank));
          delta.forEach((value, at) => sum[at] += samples / all * value);
        }
        return sum;
      });
      dense.forEach((expected, m) => {
        assert.ok(Math.hypot(...expected) > 1e-3, "something was learned");
        expected.forEach((value, at) =>
          assert.ok(Math.abs(state.bank.merged!.changes[m][at] - value) < 1e-5)
        );
      });
      // The same weights, brought onto a device of their own.
      const changes = dense.map((change) => Float32Array.from(change));
      const weights = changedWeights(federation.weights, modules, changes);
      const { merged: _, ...bank } = state.bank;
      const alone = await withFederation(
        device,
        { ...federation, weights },
        (fresh) => evaluateBank({ ...federation, weights }, fresh, bank, federation.validation),
      );
      assert.ok(Math.abs(alone.loss - state.evaluation.loss) < 1e-3 * alone.loss);
      const without = await evaluateBank(federation, session, bank, federation.validation);
      assert.ok(Math.abs(without.loss - alone.loss) > 1e-3 * alone.loss, "the base matters");
    });
  },
);

Deno.test("runRound() by flora starts each client of each round from an adapter of its own", async () => {
  const federation = await tinyFederation(FLORA);
  const { layout, seed } = federation.local;
  const start = await withFederation(cpu, federation, (session) => startState(federation, session));
  const draws = new Set<string>();
  for (const rounds of [0, 1]) {
    for (const deal of dealsOf(federation, { ...start, rounds })) {
      const { bytes, sizes } = stackExchange.download(federation, start.bank, deal);
      assert.equal(sizes.lora, 0);
      const { run, adapter } = stackExchange.receive(federation.local, deal, bytes);
      assert.equal(run, federation.run);
      assert.deepEqual(
        adapter.head.map(({ data }) => data),
        start.bank.head.map((one) => one.data),
      );
      adapter.modules.forEach(({ name, inFeatures, a, b }, m) => {
        const { rank } = federation.clients[deal.client];
        const fresh = freshComponents(layout.modules[m], 4, seed, rounds, deal.client);
        assert.deepEqual(a.subarray(0, rank * inFeatures), fresh.a.subarray(0, rank * inFeatures));
        assert.ok(a.subarray(rank * inFeatures).every((value) => value === 0));
        assert.ok(b.every((value) => value === 0));
        draws.add(`${name} ${a[0]}`);
      });
    }
  }
  assert.equal(draws.size, 2 * 3 * layout.modules.length, "no draw is made twice");
});

Deno.test("runRound() by flora counts the stack to every client, and none in the first round", async () => {
  const federation = await tinyFederation({
    ...FLORA,
    ranks: [1, 2, 4, 2],
    attendance: { participation: 0.5 },
  });
  const width = widths(federation.local.layout.modules);
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { records } = await runRounds(federation, session, start, 3);
    let sent = 0;
    for (const { downBytes, upBytes, perTier } of records) {
      assert.equal(downBytes.lora, federation.clients.length * sent, "the round before's");
      sent = 4 * width * perTier.reduce((sum, { rank, clients }) => sum + rank * clients, 0);
      assert.equal(upBytes.lora, sent);
      const head = start.bank.head.reduce((sum, { data }) => sum + data.byteLength, 0);
      assert.equal(downBytes.head, 2 * head, "to those that train");
    }
    assert.ok(records.every(({ perTier }) => perTier.length > 0));
  });
});

Deno.test("runRound() by flora sends a stack once, and merges nothing where no update arrives", async () => {
  const federation = await tinyFederation(FLORA);
  const silent = { ...federation, attendance: { participation: 1, dropouts: 1, stragglers: 0 } };
  await withFederation(cpu, federation, async (session) => {
    const nothing = await runRound(silent, session, await startState(silent, session));
    assert.equal(nothing.state.bank.merged, undefined);
    const { state } = await runRound(federation, session, nothing.state);
    const { state: lost, record } = await runRound(silent, session, state);
    assert.ok(record.downBytes.lora > 0, "who vanishes has merged what came before");
    assert.deepEqual(lost.bank.merged, { changes: state.bank.merged!.changes });
    assert.deepEqual(lost.evaluation, state.evaluation);
    const next = await runRound(federation, session, lost);
    assert.equal(next.record.downBytes.lora, NO_BYTES.lora);
    assert.notDeepEqual(next.state.bank.merged!.changes, lost.bank.merged!.changes);
  });
});

Deno.test("runRound() by flora takes a late client's adapter in beside the others", async () => {
  const { federation, updates } = watched(
    await tinyFederation({ ...FLORA, attendance: { stragglers: 0.5 } }),
  );
  await withFederation(cpu, federation, async (session) => {
    let state = await startState(federation, session);
    let lateOnes = 0;
    for (let round = 0; round < 4; round++) {
      const next = await runRound(federation, session, state);
      lateOnes += next.record.attendance.arrived;
      const { arrived, answered } = next.record.attendance;
      const taken = updates.splice(0);
      assert.equal(taken.length, arrived + answered);
      state = next.state;
      if (taken.length === 0) continue;
      const [{ a }] = state.bank.merged!.stack!;
      const ranks = taken.reduce((sum, { indices: [list] }) => sum + list.length, 0);
      assert.equal(a.length, ranks * state.bank.modules[0].inFeatures);
    }
    assert.ok(lateOnes > 0);
  });
});

Deno.test("runRound() by flora costs no accuracy at distribution", async () => {
  const federation = await tinyFederation(FLORA);
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state } = await runRounds(federation, session, start, 2);
    const record = labelRecord((await runRound(federation, session, state)).record);
    const accuracy = accuracyOf(state.evaluation);
    assert.deepEqual(record.perTier.map((tier) => tier.accuracyAfterDistribution), [
      accuracy,
      accuracy,
      accuracy,
    ]);
  });
});

onEveryDevice(
  "a run after one by flora in the same session finds the base weights again",
  async (device) => {
    const [flora, other] = await Promise.all([tinyFederation(FLORA), tinyFederation()]);
    const bytesOf =
      (federation: Federation) => async (session: Parameters<typeof startState>[1]) => {
        const start = await startState(federation, session);
        const { bank } = (await runRounds(federation, session, start, 2)).state;
        return { bank: encodeBank(bank), merged: bank.merged && encodeMerged(bank.merged, bank) };
      };
    const alone = await withFederation(device, other, bytesOf(other));
    const [before, after, again] = await withFederation(device, other, async (session) => [
      await bytesOf(flora)(session),
      await bytesOf(other)(session),
      await bytesOf(flora)(session),
    ]);
    assert.deepEqual(after, alone);
    assert.deepEqual(again, before);
    assert.ok(before.merged);
  },
);

Deno.test("finalScore() of flora takes each model with the base that it was evaluated with", async () => {
  const federation = await tinyFederation(FLORA);
  const tested = { ...federation, test: federation.validation };
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(tested, session);
    const { state, records } = await runRounds(tested, session, start, 4);
    const best = Math.max(...records.map(({ accuracy }) => accuracy));
    const early = await runRounds(tested, session, start, 1);
    const scores = await finalScore(tested, session, state);
    assert.deepEqual(scores, {
      rows: 20,
      accuracyAtBest: best,
      accuracyAtFinal: records[3].accuracy,
    });
    const first = { ...state, best: early.state.best };
    const other = await finalScore(tested, session, first);
    assert.deepEqual(other, { ...scores, accuracyAtBest: records[0].accuracy });
    assert.notEqual(records[0].accuracy, records[3].accuracy, "so that this can fail");
  });
});

Deno.test("runRound() by flora learns what the head alone cannot", async () => {
  const size: TinySettings = { samples: [40, 40, 40], local: { localSteps: 8 } };
  const [merged, head] = await Promise.all(
    [FLORA, { distribution: "head" } as const].map(async (settings) => {
      const federation = await tinyFederation({ ...size, ...settings });
      return await withFederation(cpu, federation, async (session) => {
        const start = await startState(federation, session);
        return (await runRounds(federation, session, start, 8)).records[7];
      });
    }),
  );
  assert.ok(merged.trainLoss! < 0.8 * head.trainLoss!, `${merged.trainLoss} ${head.trainLoss}`);
  assert.ok(merged.loss < head.loss, `${merged.loss} ${head.loss}`);
});
