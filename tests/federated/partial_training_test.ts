/** Rounds that train less than whole components: B alone, or the head alone. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { SLOT_SETTINGS, STEP_SETTINGS } from "../../src/engine/ops/optimizer.ts";
import { clientRound } from "../../src/federated/client_round.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import { componentSlots } from "../../src/lora/layout.ts";
import { readAdapter, type Session } from "../../src/lora/session.ts";
import { loadAggregator } from "../../src/protocol/aggregate/load_aggregator.ts";
import { encodeDownload } from "../../src/protocol/messages/mod.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  dealsOf,
  runRounds,
  tinyFederation,
  updateOf,
  widths,
  withFederation,
  withTrainedB,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

/** Weight decay would move whatever it reaches. */
const DECAY = { weightDecay: 0.1 };

onEveryDevice("runRound() of B alone moves A by not one bit under any rule", async (device) => {
  const common = { factors: "b", ranks: [4, 4], optimizer: DECAY } as const;
  const federation = await tinyFederation({ ...common, family: "bert" });
  const { modules, rank } = federation.local.layout;
  await withFederation(device, federation, async (session) => {
    const start = withTrainedB(await startState(federation, session));
    for (const name of ["adaptive", "zero-pad", "zero-delta", "fedit", "hetlora"] as const) {
      const server = { ...federation.server, aggregator: await loadAggregator(name) };
      const { state, record } = await runRound({ ...federation, server }, session, start);
      state.bank.modules.forEach(({ a, b }, m) => {
        assert.deepEqual(bitsOf(a), bitsOf(start.bank.modules[m].a), `A by ${name}`);
        b.forEach((value, at) => assert.notEqual(value, start.bank.modules[m].b[at]));
      });
      const outputs = modules.reduce((sum, { outFeatures }) => sum + outFeatures, 0);
      assert.equal(record.upBytes.lora, 2 * 4 * rank * outputs);
      assert.equal(
        record.downBytes.lora,
        2 * 4 * rank * widths(modules),
        "A goes down all the same",
      );
      assert.equal(record.trainedShare, 1);
    }
  });
});

for (const optimizerKind of ["adamw", "sgd"] as const) {
  onEveryDevice(
    `clientRound() of B alone by ${optimizerKind} trains B as a learning rate of 0 for A does`,
    async (device) => {
      const federation = await tinyFederation({
        optimizerKind,
        optimizer: { ...DECAY, clipNorm: 0 },
        local: { optimizerState: "keep" },
      });
      await withFederation(device, federation, async (session) => {
        const { bank } = withTrainedB(await startState(federation, session));
        const [, deal] = dealsOf(federation, { ...await startState(federation, session), bank });
        const { samples } = federation.clients[1];
        const trained = async (session: Session, factors: "both" | "b") => {
          const { bytes } = encodeDownload(bank, { ...deal, factors }, { run: "tiny" });
          const { state } = await clientRound(session, federation.local, bytes, { samples });
          return { ...await readAdapter(session), state: state! };
        };
        const still = await trained(withStillA(session), "both");
        const frozen = await trained(session, "b");
        assert.deepEqual(frozen.modules, still.modules);
        assert.deepEqual(frozen.head, still.head);
        assert.deepEqual(frozen.modules.map(({ a }) => a), bank.modules.map(({ a }) => a));
        assert.notDeepEqual(frozen.modules[0].b, bank.modules[0].b);
        // What is frozen has no moments and takes no steps, and is measured all the same.
        assert.deepEqual(frozen.state.sensitivity, still.state.sensitivity);
        const { layout } = session.adapted;
        layout.a.forEach(({ offset, shape: [rank, width] }, m) => {
          const ofA = (values: Float32Array) =>
            values.subarray(2 * offset, 2 * (offset + rank * width));
          assert.ok(ofA(frozen.state.moments).every((value) => value === 0));
          assert.ok(ofA(frozen.state.sensitivity).some((value) => value > 0));
          deal.indices[m].forEach((i) => {
            const { a, b } = componentSlots(layout, m, i);
            assert.deepEqual([frozen.state.steps[a], frozen.state.steps[b]], [0, 3]);
          });
        });
      });
    },
  );
}

Deno.test("clientRound() of B alone clips by the gradient of B and head", async () => {
  const rates = { learningRate: 0.5, headLearningRate: 0.5, clipNorm: 0.01 };
  const federation = await tinyFederation({
    factors: "b",
    ranks: [4],
    optimizerKind: "sgd",
    optimizer: rates,
    local: { localSteps: 1 },
  });
  await withFederation(cpu, federation, async (session) => {
    const state = withTrainedB(await startState(federation, session));
    const [deal] = dealsOf(federation, state);
    await updateOf(federation, session, state.bank, deal);
    const { modules, head } = await readAdapter(session);
    let sum = 0;
    const add = (now: Float32Array, before: Float32Array) =>
      now.forEach((value, at) => sum += (value - before[at]) ** 2);
    modules.forEach(({ b }, m) => add(b, state.bank.modules[m].b));
    head.forEach(({ data }, h) => add(data, state.bank.head[h].data));
    assert.ok(Math.abs(Math.sqrt(sum) / (0.5 * 0.01) - 1) < 1e-3, String(Math.sqrt(sum)));
  });
});

onEveryDevice("runRound() of the head alone leaves the bank's components alone", async (device) => {
  for (const rankBy of ["server", "client"] as const) {
    const federation = await tinyFederation({
      distribution: "head",
      warmupRounds: 1,
      local: { rankBy, optimizerState: "keep" },
      optimizer: DECAY,
    });
    await withFederation(device, federation, async (session) => {
      const start = await startState(federation, session);
      const { state, records } = await runRounds(federation, session, start, 2);
      assert.deepEqual(state.bank.modules, start.bank.modules);
      assert.deepEqual(state.bank.scores, start.bank.scores);
      for (const [h, { data }] of state.bank.head.entries()) {
        assert.notDeepEqual(data, start.bank.head[h].data);
      }
      const [, { upBytes, downBytes, trainedShare, perTier }] = records;
      assert.equal(trainedShare, 0);
      for (const { lora, head, overhead } of [upBytes, downBytes]) {
        assert.equal(lora, 0);
        assert.ok(head > 0 && overhead < 3 * 400, `three headers, got ${overhead} bytes`);
      }
      // With B = 0 a client without components has the model that the server has.
      assert.deepEqual(
        perTier.map(({ rank, accuracyAfterDistribution }) => [rank, accuracyAfterDistribution]),
        [1, 2, 4].map((rank) => [rank, records[0].accuracy]),
      );
    });
  }
});

Deno.test("clientRound() of the head alone has the base's forward pass", async () => {
  const federation = await tinyFederation({ distribution: "head", ranks: [1] });
  await withFederation(cpu, federation, async (session) => {
    const { bank } = await startState(federation, session);
    const state = withTrainedB(await startState(federation, session));
    const [deal] = dealsOf(federation, state);
    const { update } = await updateOf(federation, session, state.bank, deal);
    const { update: ofBase } = await updateOf(federation, session, bank, deal);
    assert.deepEqual(update, ofBase, "the bank's B makes no difference");
    assert.equal(update.scores, undefined);
  });
});

/** The session with a learning rate of 0 for every row of A. */
function withStillA(session: Session): Session {
  const { layout } = session.adapted;
  const { executor } = session;
  const write: typeof executor.write = (name, data, ...rest) => {
    if (name !== BUFFERS.settings) return executor.write(name, data, ...rest);
    const settings = (data as Float32Array).slice();
    layout.modules.forEach((_, m) => {
      for (let i = 0; i < layout.rank; i++) {
        settings[STEP_SETTINGS + SLOT_SETTINGS * componentSlots(layout, m, i).a] = 0;
      }
    });
    executor.write(name, settings, ...rest);
  };
  return { ...session, executor: { ...executor, write } };
}

/** −0 differs from 0. */
function bitsOf(data: Float32Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}
