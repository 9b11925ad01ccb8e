/** Rounds of a federation that trains a language model. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device } from "../../src/engine/device.ts";
import { predictionsIn } from "../../src/federated/device_batches.ts";
import { evaluateBank } from "../../src/federated/evaluate_bank.ts";
import { finalScore } from "../../src/federated/final_score.ts";
import type { Federation } from "../../src/federated/federation.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { decodeState, encodeState, type FederationState } from "../../src/federated/state.ts";
import type { Session } from "../../src/lora/session.ts";
import { type AnyRoundRecord, perplexityOf } from "../../src/protocol/records.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { assertClose } from "../reference/compare.ts";
import { languageFederation, tokenLossOf, tokenRecord } from "./language_support.ts";
import { timeless, type TinySettings, withFederation } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

async function rounds(
  federation: Federation,
  session: Session,
  start: FederationState,
  count: number,
): Promise<{ state: FederationState; records: AnyRoundRecord[] }> {
  let state = start;
  const records: AnyRoundRecord[] = [];
  for (let round = 0; round < count; round++) {
    const next = await runRound(federation, session, state);
    state = next.state;
    records.push(next.record);
  }
  return { state, records };
}

async function runOn(device: Device, settings: TinySettings = {}, resumed = false) {
  const federation = await languageFederation(settings);
  return await withFederation(device, federation, async (session) => {
    let state = await startState(federation, session);
    const records: AnyRoundRecord[] = [];
    for (let round = 0; round < 3; round++) {
      const next = await rounds(federation, session, state, 1);
      records.push(...next.records);
      state = resumed
        ? decodeState(encodeState(next.state), 3, () => assert.fail("nothing is remembered"))
        : next.state;
    }
    return { files: encodeState(state), records: records.map(timeless) };
  });
}

/** Every random draw there is takes part. */
const DRAWS: TinySettings = { adapted: { dropout: 0.1, loraDropout: 0.1 } };

onEveryDevice(
  "runRound() of a language model gives the same bytes when run twice, and resumed",
  async (device) => {
    const first = await runOn(device, DRAWS);
    assert.deepEqual(await runOn(device, DRAWS), first);
    assert.deepEqual(await runOn(device, DRAWS, true), first);
  },
);

Deno.test("runRound() of a language model gives the same bytes on 1, 2 and 3 threads", async () => {
  const one = await runOn(cpu);
  for (const threads of [2, 3]) {
    assert.deepEqual(await runOn(createCpuDevice({ threads })), one);
  }
});

Deno.test("runRound() of a language model gives the same bytes when layers are computed again", async () => {
  assert.deepEqual(await runOn(cpu, { adapted: { recompute: true } }), await runOn(cpu));
});

Deno.test("runRound() of a language model records loss and perplexity, no accuracy, and sends no head", async () => {
  const federation = await languageFederation({ local: { localSteps: 8 } });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state, records } = await rounds(federation, session, start, 4);
    const told = records.map(tokenRecord);
    told.forEach((record, i) => {
      assert.ok(!("accuracy" in record) && !("worstClient" in record));
      assert.equal(record.perplexity, Math.exp(record.loss));
      assert.deepEqual([record.upBytes.head, record.downBytes.head], [0, 0]);
      // Freezing hands everyone all components: distribution costs nothing.
      const before = i === 0 ? tokenLossOf(start.evaluation) : told[i - 1].loss;
      const tiers = [1, 2, 4].map((rank) => ({ rank, clients: 1, lossAfterDistribution: before }));
      assert.deepEqual(record.perTier, tiers);
    });
    assert.equal(told[3].loss, tokenLossOf(state.evaluation));
    assert.ok(told[3].loss < tokenLossOf(start.evaluation) - 0.3, "it learns");
    assert.equal(
      (state.evaluation as { tokens: number }).tokens,
      predictionsIn(federation.validation),
    );
  });
});

Deno.test("runRound() of a language model keeps the round of the lowest loss, and scores it", async () => {
  const federation = await languageFederation({
    samples: [12, 12, 12],
    local: { localSteps: 20 },
  });
  /** Clients whose texts run the other way. */
  const misled: Federation = {
    ...federation,
    clients: federation.clients.map((client) => ({
      ...client,
      samples: client.samples.map((row) => ({ ...row, ids: row.ids.map((id) => 63 - id) })),
    })),
  };
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const good = await rounds(federation, session, start, 3);
    const end = await rounds(misled, session, good.state, 1);
    assert.ok(end.records[0].loss > good.records[2].loss, "or there is nothing to keep");
    const { best } = end.state;
    assert.equal(best.round, 3);
    assert.deepEqual(best.bank, good.state.bank);
    const test = await finalScore(federation, session, end.state);
    const lossOn = async ({ bank }: Pick<FederationState, "bank">) =>
      tokenLossOf(await evaluateBank(federation, session, bank, federation.test));
    assert.deepEqual(test, {
      tokens: predictionsIn(federation.test),
      lossAtBest: await lossOn(good.state),
      lossAtFinal: await lossOn(end.state),
    });
  });
});

for (const aggregator of ["local", "flora"] as const) {
  Deno.test(`runRound() of a language model by ${aggregator} evaluates what it trains`, async () => {
    const federation = await languageFederation({
      aggregator,
      distribution: "truncate",
      ranks: [2, 2, 2],
      rank: 2,
      local: { localSteps: 8 },
    });
    await withFederation(cpu, federation, async (session) => {
      const start = await startState(federation, session);
      const { state, records } = await rounds(federation, session, start, 3);
      assert.ok(tokenRecord(records[2]).loss < tokenLossOf(start.evaluation) - 0.1);
      if (aggregator === "flora") return;
      const own = state.own!.map(tokenLossOf);
      const mean = own.reduce((sum, loss) => sum + loss, 0) / own.length;
      assert.ok(Math.abs(mean - records[2].loss) < 1e-12);
    });
  });
}

Deno.test("clients that accumulate batches train as those of one large batch do", async () => {
  const federations = [{ batch: 4, accumulate: 1 }, { batch: 2, accumulate: 2 }].map(
    async ({ batch, accumulate }) => {
      const federation = await languageFederation({
        batch,
        local: { accumulate },
        adapted: { accumulate: accumulate > 1 },
      });
      return await withFederation(cpu, federation, async (session) => {
        const start = await startState(federation, session);
        return (await rounds(federation, session, start, 2)).state;
      });
    },
  );
  const [one, parts] = await Promise.all(federations);
  one.bank.modules.forEach(({ a, b, name }, m) => {
    assertClose(parts.bank.modules[m].a, a, 1e-4, `${name} A`);
    assertClose(parts.bank.modules[m].b, b, 1e-4, `${name} B`);
  });
});

Deno.test("perplexityOf() is a number whatever the loss", () => {
  assert.equal(perplexityOf(0), 1);
  assert.equal(perplexityOf(1000), Number.MAX_VALUE);
});
