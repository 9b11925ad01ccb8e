/** The devices against each other: the gradient of a client's first step, and a whole federation. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device } from "../../src/engine/device.ts";
import { startState } from "../../src/federated/simulate.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import { testDevices } from "../engine/devices.ts";
import { assertClose } from "../reference/compare.ts";
import {
  dealsOf,
  largestChange,
  runRounds,
  tinyFederation,
  updateOf,
  withFederation,
  withTrainedB,
} from "./support.ts";

const webgpu = testDevices.find(({ name }) => name === "webgpu")!;

for (const family of ["bert", "llama"] as const) {
  Deno.test({
    name: `webgpu and cpu agree on ${family}'s first gradients and on two rounds of a federation`,
    ignore: webgpu.ignore,
    fn: async () => {
      const federation = await tinyFederation({ family });
      const first = { ...federation, local: { ...federation.local, localSteps: 1 } };
      const runOn = async (device: Device) =>
        await withFederation(device, federation, async (session) => {
          const start = await startState(federation, session);
          const inMidRun = withTrainedB(start);
          const gradients = [];
          for (const deal of dealsOf(first, inMidRun)) {
            await updateOf(first, session, inMidRun.bank, deal);
            gradients.push(await session.executor.read(BUFFERS.gradient));
          }
          return { gradients, ...await runRounds(federation, session, start, 2) };
        });
      const expected = await runOn(createCpuDevice({ threads: 1 }));
      const actual = await runOn(await webgpu.open());
      const { gradients, records } = actual;
      assert.deepEqual([gradients.length, records.length], [federation.clients.length, 2]);
      gradients.forEach((gradient, client) =>
        assertClose(gradient, expected.gradients[client], 1e-4, `client ${client}'s gradient`)
      );
      const difference = largestChange(actual.state.bank, expected.state.bank);
      assert.ok(difference <= 1e-3, `adapters differ by ${difference}`);
      records.forEach((record, round) => {
        const { accuracy, loss, selected, upBytes, downBytes } = expected.records[round];
        assert.equal(record.accuracy, accuracy);
        assert.ok(Math.abs(record.loss - loss) <= 1e-4, `losses ${record.loss} and ${loss}`);
        assert.deepEqual(record.selected, selected);
        assert.deepEqual([record.upBytes, record.downBytes], [upBytes, downBytes]);
      });
    },
  });
}
