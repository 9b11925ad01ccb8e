/** A federated round of plain gradient steps is a step on the union of the batches. */

import assert from "node:assert/strict";
import { startState } from "../../src/federated/simulate.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  largestChange,
  runRounds,
  tinyFederation,
  type TinySettings,
  withFederation,
  withTrainedB,
} from "./support.ts";

const SGD: TinySettings = {
  optimizerKind: "sgd",
  optimizer: { learningRate: 0.5, headLearningRate: 0.5, clipNorm: 0 },
  local: { localSteps: 1 },
  warmupRounds: 0,
};

const METHODS = [
  { distribution: "full", aggregator: "fedit" },
  { distribution: "freeze", aggregator: "adaptive" },
  { distribution: "truncate", aggregator: "zero-pad" },
  { distribution: "freeze", aggregator: "zero-delta" },
] as const;

/** Short batches of different clients weigh by their rows, n_k / n, so that unequal shares give the same step. */
const SHARES = [
  { family: "bert", samples: [4, 4, 4] },
  { family: "llama", samples: [2, 4, 3] },
] as const;

for (const { family, samples } of SHARES) {
  onEveryDevice(
    `runRound() of ${family} by one plain step of ${samples} rows equals one step on their union`,
    async (device) => {
      const shares = { ...SGD, family, ranks: [4, 4, 4], samples };
      const federated = await tinyFederation(shares);
      const batch = samples.reduce<number>((sum, count) => sum + count, 0);
      const central = {
        ...await tinyFederation({ ...SGD, family, batch }),
        clients: [{ rank: 4, samples: federated.clients.flatMap(({ samples }) => samples) }],
      };
      const [expected, before] = await withFederation(device, central, async (session) => {
        const start = withTrainedB(await startState(central, session));
        return [(await runRounds(central, session, start, 1)).state.bank, start.bank];
      });
      assert.ok(largestChange(expected, before) > 1e-2, "the step is no larger than rounding");
      await withFederation(device, federated, async (session) => {
        const start = withTrainedB(await startState(federated, session));
        for (const method of METHODS) {
          const { server } = await tinyFederation({ ...shares, ...method });
          const { state } = await runRounds({ ...federated, server }, session, start, 1);
          const difference = largestChange(state.bank, expected);
          assert.ok(
            difference <= 1e-6,
            `${method.distribution}, ${method.aggregator}: ${difference}`,
          );
        }
      });
    },
  );
}
