/** Choosing a device, and programs of several lengths on it. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device } from "../../src/engine/device.ts";
import { openFastest, openSession } from "../../src/federated/open_session.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { encodeState } from "../../src/federated/state.ts";
import { onEveryDevice, testDevices } from "../engine/devices.ts";
import { largestChange, runRounds, tinyFederation, withFederation } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

Deno.test("openSession() by auto finds a device that runs", async () => {
  const federation = await tinyFederation();
  const session = await openSession(federation, { device: "auto", threads: 2 });
  try {
    const start = await startState(federation, session);
    const { record } = await runRound(federation, session, start);
    assert.ok(Number.isFinite(record.loss));
    assert.ok(["cpu", "webgpu"].includes(session.executor.device.kind));
  } finally {
    await session.executor.close();
  }
});

for (const { name, ignore } of testDevices) {
  Deno.test({
    name: `openSession() opens the ${name} device when it is asked for`,
    ignore,
    fn: async () => {
      const federation = await tinyFederation();
      const { executor } = await openSession(federation, { device: name, threads: 2 });
      assert.equal(executor.device.kind, name);
      if (name === "cpu") assert.equal(executor.device.threads, 2);
      await executor.close();
    },
  });
}

onEveryDevice(
  "openFastest() closes the slower device, and its measurement leaves no trace",
  async (device, name) => {
    const federation = await tinyFederation({ local: { optimizerState: "keep" } });
    const closed: string[] = [];
    using clock = fakeClock();
    const slow: Device = {
      ...cpu,
      load: async (programs) => {
        const executor = await cpu.load(programs);
        return {
          ...executor,
          read: (...parts) => {
            clock.advance(1000);
            return executor.read(...parts);
          },
          close: () => {
            closed.push("slow");
            return executor.close();
          },
        };
      },
    };
    const session = await openFastest(federation, [slow, device]);
    assert.deepEqual(closed, ["slow"]);
    assert.equal(session.executor.device.kind, name);
    const start = await startState(federation, session);
    const { state } = await runRounds(federation, session, start, 2);
    await session.executor.close();
    assert.deepEqual(closed, ["slow"]);
    const expected = await withFederation(
      device,
      federation,
      async (session) =>
        (await runRounds(federation, session, await startState(federation, session), 2)).state,
    );
    assert.deepEqual(encodeState(state), encodeState(expected));
  },
);

for (const family of ["bert", "llama"] as const) {
  onEveryDevice(
    `runRound() of ${family} learns the same from one bucket and from two`,
    async (device) => {
      const banks = [];
      const lengths = [];
      for (const buckets of [[12], [9, 12]]) {
        // One row a step, so that short rows are alone and go into the short bucket; SGD, as Adam would blow up rounding near 0.
        const federation = await tinyFederation({
          family,
          buckets,
          batch: 1,
          optimizerKind: "sgd",
          optimizer: { learningRate: 0.1, headLearningRate: 0.1 },
        });
        const rows = federation.clients.flatMap(({ samples }) => samples);
        lengths.push(rows.filter(({ ids }) => ids.length <= 9).length / rows.length);
        banks.push(
          await withFederation(device, federation, async (session) => {
            const start = await startState(federation, session);
            const { state, records } = await runRounds(federation, session, start, 2);
            return { bank: state.bank, loss: records[1].loss, accuracy: records[1].accuracy };
          }),
        );
      }
      assert.ok(lengths[0] > 0.1 && lengths[0] < 0.9, "both buckets are used");
      const [one, two] = banks;
      const difference = largestChange(two.bank, one.bank);
      assert.ok(difference <= 1e-5, `adapters differ by ${difference}`);
      assert.ok(Math.abs(two.loss - one.loss) <= 1e-5);
      assert.equal(two.accuracy, one.accuracy);
    },
  );
}

/** Makes performance.now() stand still but for what a test says, until it is disposed of. */
function fakeClock(): Disposable & { advance(milliseconds: number): void } {
  const { now } = performance;
  let time = 0;
  performance.now = () => time;
  return {
    advance: (milliseconds) => time += milliseconds,
    [Symbol.dispose]: () => performance.now = now,
  };
}

Deno.test("openFastest() passes over a device that cannot load, and fails where none can", async () => {
  const federation = await tinyFederation({});
  const broken: Device = { ...cpu, load: () => Promise.reject(new RangeError("too large")) };
  const session = await openFastest(federation, [broken, cpu]);
  assert.equal(session.executor.device.kind, "cpu");
  await session.executor.close();
  await assert.rejects(openFastest(federation, [broken]), {
    name: "RangeError",
    message: "too large",
  });
});
