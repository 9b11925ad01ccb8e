/** Clients that are sampled, vanish or come late, and what a round makes of it. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { drawAttendants, type Fate, fullAttendance } from "../../src/federated/attendance.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { encodeState } from "../../src/federated/state.ts";
import { aggregate } from "../../src/protocol/aggregate/mod.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { dealRound } from "../../src/protocol/deal.ts";
import { encodeDownload } from "../../src/protocol/messages/mod.ts";
import type { AttendanceRecord } from "../../src/protocol/records.ts";
import {
  accuracyOf,
  runRounds,
  tinyFederation,
  type TinySettings,
  updateOf,
  withFederation,
  withTrainedB,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });
const unreliable = { participation: 1, dropouts: 0.4, stragglers: 0.4 };

Deno.test("drawAttendants() samples a rounded share of all clients, at least one, none of the busy", () => {
  const drawn = (participation: number, clients: number, busy: number[] = []) =>
    drawAttendants({ ...fullAttendance, participation }, { clients, busy, seed: 3, round: 5 })
      .map(({ client }) => client);
  assert.equal(drawn(0.05, 1000).length, 50);
  assert.equal(drawn(0.25, 10).length, 3, "2.5 rounds up");
  assert.equal(drawn(0.001, 10).length, 1);
  assert.deepEqual(drawn(1, 4), [0, 1, 2, 3]);
  assert.deepEqual(drawn(1, 4, [1, 3]), [0, 2]);
  assert.deepEqual(drawn(0.5, 4, [0, 1, 2]), [3], "fewer are ready than are wanted");
  assert.deepEqual(drawn(0.5, 2, [0, 1]), []);
  const many = drawn(0.5, 100);
  assert.deepEqual(many, [...new Set(many)].sort((one, other) => one - other));
});

Deno.test("drawAttendants() draws each round and each client anew, by the given probabilities", () => {
  const counts = { answers: 0, late: 0, vanishes: 0 };
  const samples = new Set<string>();
  for (let round = 0; round < 50; round++) {
    const attendance = { participation: 0.5, dropouts: 0.3, stragglers: 0.2 };
    const drawn = drawAttendants(attendance, { clients: 100, busy: [], seed: 1, round });
    for (const { fate } of drawn) counts[fate]++;
    samples.add(drawn.map(({ client }) => client).join());
  }
  assert.equal(samples.size, 50);
  // 2,500 draws: four standard deviations are 0.037 and less.
  const near = (count: number, share: number) => Math.abs(count / 2500 - share) < 0.04;
  assert.ok(near(counts.vanishes, 0.3) && near(counts.late, 0.14), JSON.stringify(counts));
});

Deno.test("drawAttendants() gives a client the same fate, whoever else is sampled", () => {
  const draw = (busy: number[]) =>
    drawAttendants(unreliable, { clients: 30, busy, seed: 2, round: 1 });
  const all = new Map(draw([]).map(({ client, fate }) => [client, fate]));
  for (const { client, fate } of draw([0, 4, 7, 9])) assert.equal(fate, all.get(client));
});

/** A seed with which the clients' fates in the first round are these, and all answer in the second. */
function seedOf(...fates: Fate[]): number {
  const clients = fates.length;
  const drawn = (seed: number, round: number, busy: number[]) =>
    drawAttendants(unreliable, { clients, busy, seed, round }).map(({ fate }) => fate);
  const late = fates.flatMap((fate, client) => fate === "late" ? [client] : []);
  for (let seed = 0; seed < 100_000; seed++) {
    const good = drawn(seed, 0, []).join() === fates.join() &&
      drawn(seed, 1, late).every((fate) => fate === "answers");
    if (good) return seed;
  }
  throw new Error(`no seed gives ${fates}`);
}

function unreliableFederation(settings: TinySettings, ...fates: Fate[]) {
  return tinyFederation({ ...settings, seed: seedOf(...fates), attendance: unreliable });
}

for (const distribution of ["freeze", "truncate"] as const) {
  Deno.test(`runRound() by ${distribution} aggregates a late update with the next round's, as it was trained`, async () => {
    const federation = await unreliableFederation(
      { distribution, aggregator: "zero-delta" },
      ...["answers", "late", "vanishes"] as const,
    );
    const { clients, server } = federation;
    const dealsOf = (bank: Parameters<typeof encodeBank>[0], round: number, taking: number[]) =>
      dealRound({
        ...server.selection,
        bank,
        participants: taking.map((client) => ({ client, rank: clients[client].rank })),
        method: server.distribution,
        warmupRounds: server.warmupRounds,
        round,
      });
    await withFederation(cpu, federation, async (session) => {
      const start = withTrainedB(await startState(federation, session));
      const firstDeals = dealsOf(start.bank, 0, [0, 1, 2]);
      const [inTime, late] = [
        await updateOf(federation, session, start.bank, firstDeals[0]),
        await updateOf(federation, session, start.bank, firstDeals[1]),
      ];
      const afterOne = aggregate(server.aggregator, start.bank, [inTime.update]);
      const secondDeals = dealsOf(afterOne, 1, [0, 2]);
      const updates = [late];
      for (const deal of secondDeals) {
        updates.push(await updateOf(federation, session, afterOne, deal));
      }
      const afterTwo = aggregate(server.aggregator, afterOne, updates.map(({ update }) => update));

      const { state, records: [one, two] } = await runRounds(federation, session, start, 2);
      assert.deepEqual(encodeBank(state.bank), encodeBank(afterTwo));
      const counted = (
        { sampled, answered, vanished, late, arrived }: AttendanceRecord,
      ) => [sampled, answered, vanished, late, arrived];
      assert.deepEqual(counted(one.attendance), [3, 1, 1, 1, 0]);
      assert.deepEqual(counted(two.attendance), [2, 2, 0, 0, 1]);
      // All three downloaded; the update that came late is counted where it came.
      const down = firstDeals.map((deal) => encodeDownload(start.bank, deal, { run: "tiny" }));
      assert.equal(one.downBytes.total, down.reduce((sum, { bytes }) => sum + bytes.length, 0));
      assert.equal(one.upBytes.total, inTime.bytes.length);
      assert.equal(two.upBytes.total, updates.reduce((sum, { bytes }) => sum + bytes.length, 0));
      // Two trained in the first round, two in the second.
      assert.deepEqual([one.steps, two.steps], [6, 6]);
      const trained = (record: typeof one) => record.selected[0].reduce((sum, n) => sum + n, 0);
      assert.deepEqual([trained(one), trained(two)], [1, 2 + 1 + 4]);
      assert.ok(one.trainLoss! > 0 && two.trainLoss! > 0);
    });
  });
}

for (const fates of [["vanishes", "vanishes"], ["late", "vanishes"]] as const) {
  Deno.test(`runRound() leaves the bank as it is where the clients' fates are ${fates.join(", ")}`, async () => {
    const federation = await unreliableFederation({ ranks: [2, 4] }, ...fates);
    await withFederation(cpu, federation, async (session) => {
      const start = withTrainedB(await startState(federation, session));
      const { state, record } = await runRound(federation, session, start);
      assert.deepEqual(encodeBank(state.bank), encodeBank(start.bank));
      assert.equal(state.rounds, 1);
      assert.equal(record.trainLoss, null);
      assert.equal(record.accuracy, accuracyOf(start.evaluation));
      assert.equal(record.upBytes.total, 0);
      assert.ok(record.downBytes.total > 0);
      assert.ok(record.selected.flat().every((count) => count === 0));
      const { records: [next] } = await runRounds(federation, session, state, 1);
      assert.equal(next.attendance.arrived, fates.filter((fate) => fate === "late").length);
      assert.ok(next.trainLoss !== null, "the run goes on");
    });
  });
}

Deno.test("runRound() deals the warm-up over the clients that take part, and tells of their tiers alone", async () => {
  const ranks = [1, 1, 1, 2, 2, 2, 4, 4, 4];
  const federation = await tinyFederation({ ranks, attendance: { participation: 1 / 3 } });
  await withFederation(cpu, federation, async (session) => {
    const { records } = await runRounds(
      federation,
      session,
      await startState(federation, session),
      6,
    );
    for (const { attendance, perTier, selected } of records) {
      assert.equal(attendance.sampled, 3);
      assert.equal(perTier.reduce((sum, { clients }) => sum + clients, 0), 3);
      const budget = perTier.reduce((sum, { rank, clients }) => sum + rank * clients, 0);
      assert.equal(selected[0].reduce((sum, count) => sum + count, 0), budget);
      assert.ok(perTier.every((tier) => Number.isFinite(tier.accuracyAfterDistribution)));
    }
    // Round-robin over three: no component twice before every component once.
    const [{ selected, perTier }] = records;
    const budget = perTier.reduce((sum, { rank, clients }) => sum + rank * clients, 0);
    const times = selected[0].toSorted((one, other) => one - other);
    assert.ok(times[times.length - 1] - times[0] <= 1, `${budget} over 4: ${times}`);
  });
});

Deno.test("runRound() with everyone in time gives the same bytes as without attendance", async () => {
  const states = [];
  for (const attendance of [{}, { participation: 0.9 }]) {
    // 0.9 of three clients are three.
    const federation = await tinyFederation({ attendance });
    states.push(
      await withFederation(
        cpu,
        federation,
        async (session) =>
          encodeState(
            (await runRounds(federation, session, await startState(federation, session), 2)).state,
          ),
      ),
    );
  }
  assert.deepEqual(states[0], states[1]);
});
