/** Same seed, same bytes: run twice, on another number of threads, in another order of clients. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device, Executor } from "../../src/engine/device.ts";
import { startState } from "../../src/federated/simulate.ts";
import { encodeState } from "../../src/federated/state.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import { aggregate } from "../../src/protocol/aggregate/mod.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  dealsOf,
  runRounds,
  timeless,
  tinyFederation,
  type TinySettings,
  updateOf,
  withFederation,
} from "./support.ts";

/** Every random draw there is takes part. */
const DRAWS: TinySettings = { adapted: { dropout: 0.1, loraDropout: 0.1 } };

async function runOn(device: Device, settings: TinySettings, rounds = 3) {
  const federation = await tinyFederation({ ...DRAWS, ...settings });
  return await withFederation(device, federation, async (session) => {
    const start = await startState(federation, session);
    const { state, records } = await runRounds(federation, session, start, rounds);
    return { files: encodeState(state), records: records.map(timeless) };
  });
}

onEveryDevice("runRound() gives the same bytes for the same seed", async (device) => {
  assert.deepEqual(await runOn(device, {}), await runOn(device, {}));
});

for (const family of ["bert", "llama"] as const) {
  Deno.test(`runRound() of ${family} gives the same bytes on 1, 2 and 3 threads`, async () => {
    const one = await runOn(createCpuDevice({ threads: 1 }), { family });
    for (const threads of [2, 3]) {
      assert.deepEqual(await runOn(createCpuDevice({ threads }), { family }), one);
    }
  });
}

Deno.test("runRound() gives other bytes for another seed", async () => {
  const device = createCpuDevice({ threads: 1 });
  const [one, other] = [await runOn(device, { seed: 1 }), await runOn(device, { seed: 2 })];
  assert.notDeepEqual(one.files.get("bank.safetensors"), other.files.get("bank.safetensors"));
});

onEveryDevice("clientRound() does not know who trained before it", async (device) => {
  const federation = await tinyFederation(DRAWS);
  await withFederation(device, federation, async (session) => {
    const start = await startState(federation, session);
    const { state } = await runRounds(federation, session, start, 2);
    const deals = dealsOf(federation, state);
    const forwards = [];
    for (const deal of deals) {
      forwards.push(await updateOf(federation, session, state.bank, deal));
    }
    const backwards = [];
    for (const deal of deals.toReversed()) {
      backwards.unshift(await updateOf(federation, session, state.bank, deal));
    }
    assert.deepEqual(backwards, forwards);

    const { aggregator } = federation.server;
    const inOrder = aggregate(aggregator, state.bank, forwards.map(({ update }) => update));
    const reversed = aggregate(
      aggregator,
      state.bank,
      forwards.map(({ update }) => update).toReversed(),
    );
    assert.deepEqual(encodeBank(reversed), encodeBank(inOrder));
    const { state: next } = await runRounds(federation, session, state, 1);
    assert.deepEqual(encodeBank(inOrder), encodeBank(next.bank), "runRound() does just this");
  });
});

Deno.test("runRound() seeds the dropout of every round, client and step anew", async () => {
  const seedsOf = async (seed: number) => {
    const federation = await tinyFederation({ ...DRAWS, seed });
    return await withFederation(createCpuDevice({ threads: 1 }), federation, async (session) => {
      const seeds: number[] = [];
      const write: Executor["write"] = (buffer, data, offset) => {
        if (buffer === BUFFERS.seed) seeds.push(data[0]);
        session.executor.write(buffer, data, offset);
      };
      const watched = { ...session, executor: { ...session.executor, write } };
      await runRounds(federation, watched, await startState(federation, session), 2);
      return seeds;
    });
  };
  const seeds = [...await seedsOf(1), ...await seedsOf(2)];
  assert.equal(new Set(seeds).size, 2 * (2 * 3 * 3), "runs × rounds × clients × steps");
  assert.deepEqual(await seedsOf(1), seeds.slice(0, 18));
});
