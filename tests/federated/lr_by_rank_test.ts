import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { LocalSettings } from "../../src/federated/client_round.ts";
import { startState } from "../../src/federated/simulate.ts";
import { dealOf } from "../../src/protocol/deal.ts";
import { tinyFederation, updateOf, withFederation, withTrainedB } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

Deno.test("a client of a quarter of the components trains at twice the rate under root, its head at the same", async () => {
  const federation = await tinyFederation();
  const { learningRate } = federation.local.optimizer;
  await withFederation(cpu, federation, async (session) => {
    const { bank } = withTrainedB(await startState(federation, session));
    const updated = async (count: number, changes: Partial<LocalSettings>, rate = learningRate) => {
      const indices = bank.modules.map(() => Uint32Array.from({ length: count }, (_, i) => i));
      const optimizer = { ...federation.local.optimizer, learningRate: rate };
      const local = { ...federation.local, optimizer, ...changes };
      const deal = dealOf(4, 0, 0, "freeze", indices);
      return (await updateOf({ ...federation, local }, session, bank, deal)).update;
    };
    const [one, twice] = [
      await updated(1, { lrByRank: "root" }),
      await updated(1, {}, 2 * learningRate),
    ];
    assert.deepEqual(one, twice);
    assert.notDeepEqual(one, await updated(1, {}));
    assert.deepEqual(await updated(4, { lrByRank: "root" }), await updated(4, {}));
  });
});
