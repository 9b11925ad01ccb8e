/** The method's known traps, met by the engine and whole rounds; tests/protocol/traps_test.ts has those of pure arithmetic. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { requireLabelled } from "../../src/federated/device_batches.ts";
import type { Federation } from "../../src/federated/federation.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { installAdapter, type Session } from "../../src/lora/session.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { applyDownload, decodeDownload, encodeDownload } from "../../src/protocol/messages/mod.ts";
import { greedy, random, sampled } from "../../src/protocol/selection.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  dealsOf,
  logitsOf,
  runRounds,
  tinyFederation,
  updateOf,
  withFederation,
  withTrainedB,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

onEveryDevice(
  "trap 1: while B is 0, a step measures a score of exactly 0 everywhere",
  async (device) => {
    const federation = await tinyFederation({ local: { localSteps: 1 } });
    await withFederation(device, federation, async (session) => {
      const start = await startState(federation, session);
      const [deal] = dealsOf(federation, start);
      const { update } = await updateOf(federation, session, start.bank, deal);
      assert.ok(update.scores!.every((scores) => scores.every((score) => score === 0)));
      // B itself has a gradient: what the client trained has moved.
      assert.ok(update.b.every((columns) => columns.some((value) => value !== 0)));
    });
  },
);

Deno.test("trap 1: the first selection is spread over the components, not the first of each", async () => {
  const federation = await tinyFederation({
    ranks: new Array(12).fill(1),
    samples: [4],
    local: { localSteps: 1 },
    warmupRounds: 0,
  });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { record } = await runRound(federation, session, start);
    for (const counts of record.selected) {
      assert.equal(counts.reduce((sum, count) => sum + count, 0), 12);
      assert.ok(Math.max(...counts) < 9, `of 12 clients, ${counts} chose each component`);
    }
    assert.ok(record.trainedShare > 0.8, `an index order would train 0.25 of all`);
  });
});

Deno.test("trap 2: greedy selection never revives a component; the warm-up covers all", async () => {
  const shares = async (warmupRounds: number) => {
    const federation = await tinyFederation({ ranks: [1], warmupRounds });
    return await withFederation(cpu, federation, async (session) => {
      const start = await startState(federation, session);
      const { records } = await runRounds(federation, session, start, 5);
      return records.map(({ trainedShare }) => trainedShare);
    });
  };
  assert.deepEqual(await shares(0), [0.25, 0.25, 0.25, 0.25, 0.25]);
  assert.deepEqual(await shares(4), [0.25, 0.5, 0.75, 1, 1]);
});

for (const distribution of ["freeze", "truncate"] as const) {
  Deno.test(`trap 2: the warm-up of ${distribution} keeps to each client's budget`, async () => {
    const federation = await tinyFederation({ distribution, ranks: [1, 1, 2] });
    await withFederation(cpu, federation, async (session) => {
      const start = await startState(federation, session);
      const { record } = await runRound(federation, session, start);
      // Budgets of 1, 1 and 2 are just the four components, each dealt once.
      assert.ok(record.selected.every((counts) => counts.every((count) => count === 1)));
      assert.equal(record.trainedShare, 1);
    });
  });
}

onEveryDevice(
  "trap 3: the scores of frozen components are measured anew each round",
  async (device) => {
    const federation = await tinyFederation({ ranks: [1], warmupRounds: 0 });
    await withFederation(device, federation, async (session) => {
      const start = withTrainedB(await startState(federation, session));
      const first = await runRound(federation, session, start);
      const second = await runRound(federation, session, first.state);
      for (const [m, counts] of first.record.selected.entries()) {
        counts.forEach((count, i) => {
          if (count > 0 || second.record.selected[m][i] > 0) return;
          const once = first.record.scores[m][i], again = second.record.scores[m][i];
          assert.ok(once > 0 && again > 0 && again !== once, `${once}, then ${again}`);
        });
      }
    });
  },
);

Deno.test("trap 5: the best round's bank is kept beside the last one", async () => {
  const federation = await tinyFederation({ samples: [30, 30, 30], local: { localSteps: 10 } });
  /** Clients that teach every label wrongly. */
  const misled: Federation = {
    ...federation,
    clients: federation.clients.map((client) => ({
      ...client,
      samples: requireLabelled(client.samples)
        .map(({ ids, label }) => ({ ids, label: (label + 1) % 3 })),
    })),
  };
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const good = await runRounds(federation, session, start, 3);
    const end = await runRounds(misled, session, good.state, 2);
    const records = [...good.records, ...end.records];
    const highest = Math.max(...records.map(({ accuracy }) => accuracy));
    const first = records.find(({ accuracy }) => accuracy === highest)!;
    assert.ok(first.round <= 3 && records[4].accuracy < highest, "it got worse in the end");
    const { best, bank } = end.state;
    assert.deepEqual([best.round, best.merit / federation.validation.length], [
      first.round,
      highest,
    ]);
    const at = await runRounds(federation, session, start, first.round);
    assert.deepEqual(encodeBank(best.bank), encodeBank(at.state.bank));
    assert.notDeepEqual(encodeBank(bank), encodeBank(best.bank));
  });
});

Deno.test("trap 5: of rounds that are equally good the first is the best", async () => {
  const federation = await tinyFederation({ optimizer: { learningRate: 0, headLearningRate: 0 } });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state, records } = await runRounds(federation, session, start, 3);
    assert.equal(new Set(records.map(({ accuracy }) => accuracy)).size, 1);
    assert.equal(state.best.round, 1);
  });
});

onEveryDevice(
  "trap 6: a truncated client scales by the server's rank: its logits are those of the bank without the others",
  async (device) => {
    const federation = await tinyFederation({ distribution: "truncate", warmupRounds: 0 });
    assert.equal(federation.adapted.scale, federation.alpha / 4);
    await withFederation(device, federation, async (session) => {
      const state = withTrainedB(await startState(federation, session));
      const { bank } = state;
      const whole = await logitsWith(
        federation,
        session,
        bank,
        everything(bank.rank, bank.modules),
      );
      for (const deal of dealsOf(federation, state)) {
        const { bytes } = encodeDownload(bank, deal, { run: federation.run });
        const held = applyDownload(bank, decodeDownload(bytes, bank));
        const truncated = await logitsWith(federation, session, held, held.deal.forward);
        const others = bank.modules.map((module, m) => ({
          ...module,
          b: module.b.map((value, n) => deal.indices[m].includes(n % bank.rank) ? value : 0),
        }));
        const zeroed = { ...bank, modules: others };
        assert.deepEqual(
          truncated,
          await logitsWith(federation, session, zeroed, everything(bank.rank, bank.modules)),
        );
        const rank = federation.clients[deal.client].rank;
        if (rank === bank.rank) assert.deepEqual(truncated, whole);
        else assert.notDeepEqual(truncated, whole);
      }
    });
  },
);

Deno.test("trap 7: selection is passed in; greedy, sampled and random choose differently", async () => {
  const selectors = { greedy, sampled: sampled(1), random };
  const chosen: (readonly (readonly number[])[])[] = [];
  for (const selector of Object.values(selectors)) {
    const federation = await tinyFederation({ selector, warmupRounds: 1, ranks: [1, 2] });
    await withFederation(cpu, federation, async (session) => {
      const start = await startState(federation, session);
      const { records } = await runRounds(federation, session, start, 4);
      for (const { selected } of records) {
        const totals = selected.map((counts) => counts.reduce((sum, count) => sum + count, 0));
        assert.ok(totals.every((total) => total === 3));
      }
      chosen.push(records.slice(1).flatMap(({ selected }) => selected));
    });
  }
  assert.notDeepEqual(chosen[0], chosen[1]);
  assert.notDeepEqual(chosen[1], chosen[2]);
  assert.notDeepEqual(chosen[0], chosen[2]);
});

/** Logits of the first validation batch with an adapter. */
async function logitsWith(
  federation: Federation,
  session: Session,
  adapter: Pick<Parameters<typeof installAdapter>[1], "modules" | "head">,
  forward: readonly Uint8Array[],
): Promise<Float32Array> {
  installAdapter(session, { ...adapter, forward });
  return await logitsOf(federation, session);
}

function everything(rank: number, modules: readonly unknown[]): Uint8Array[] {
  return modules.map(() => new Uint8Array(rank).fill(1));
}
