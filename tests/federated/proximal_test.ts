/** FedProx: the pull of a client's training to the adapter that it received. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { OptimizerKind } from "../../src/engine/ops/optimizer.ts";
import { startState } from "../../src/federated/simulate.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import { buildTraining } from "../../src/lora/adapted_model.ts";
import { readAdapter, type Session } from "../../src/lora/session.ts";
import type { AdapterBank } from "../../src/protocol/bank.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { dealOf } from "../../src/protocol/deal.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  runRounds,
  tensorsOf,
  tinyFederation,
  type TinySettings,
  updateOf,
  withFederation,
  withTrainedB,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

/** A client's settings with a pull of `proximal`, and a learning rate at which gradient descent gets somewhere. */
function pulled(proximal: number, optimizerKind: OptimizerKind, localSteps = 6): TinySettings {
  return {
    optimizerKind,
    optimizer: { proximal, ...(optimizerKind === "sgd" && { learningRate: 0.3 }) },
    adapted: { proximal: true },
    local: { localSteps },
  };
}

/** What the first client makes of a bank of which it trains components 0 and 2. */
async function trained(
  settings: TinySettings,
  session: Session,
  bank: AdapterBank,
): Promise<AdapterBank> {
  const federation = await tinyFederation(settings);
  const deal = dealOf(4, 0, 0, "freeze", bank.modules.map(() => Uint32Array.of(0, 2)));
  await updateOf(federation, session, bank, deal);
  return { ...bank, ...await readAdapter(session) };
}

function distance(one: AdapterBank, other: AdapterBank): number {
  const others = tensorsOf(other);
  let sum = 0;
  for (const [name, data] of tensorsOf(one)) {
    data.forEach((value, i) => sum += (value - others.get(name)![i]) ** 2);
  }
  return Math.sqrt(sum);
}

for (const kind of ["adamw", "sgd"] as const) {
  onEveryDevice(
    `clientRound() by ${kind} stays closer to what it received the larger the proximal term`,
    async (device) => {
      const federation = await tinyFederation(pulled(0, kind));
      await withFederation(device, federation, async (session) => {
        const { bank } = withTrainedB(await startState(federation, session));
        const distances: number[] = [];
        for (const proximal of [0, 0.3, 1, 3]) {
          distances.push(distance(await trained(pulled(proximal, kind), session, bank), bank));
        }
        distances.forEach((far, i) => {
          assert.ok(i === 0 || far < 0.99 * distances[i - 1], `${distances}`);
        });
      });
    },
  );
}

onEveryDevice("clientRound() is pulled to what came with this download", async (device) => {
  const federation = await tinyFederation(pulled(2, "adamw"));
  await withFederation(device, federation, async (session) => {
    const start = await startState(federation, session);
    const [{ bank }, { bank: other }] = [1, 2].map((seed) => withTrainedB(start, seed));
    // At the first step nothing has moved, so that a round of one step feels no pull.
    const [free, first] = [
      await trained(pulled(0, "adamw", 1), session, bank),
      await trained(pulled(2, "adamw", 1), session, bank),
    ];
    assert.deepEqual(encodeBank(first), encodeBank(free));
    const alone = await trained(pulled(2, "adamw"), session, bank);
    assert.notDeepEqual(
      encodeBank(alone),
      encodeBank(await trained(pulled(0, "adamw"), session, bank)),
    );
    await trained(pulled(2, "adamw"), session, other);
    assert.deepEqual(
      encodeBank(await trained(pulled(2, "adamw"), session, bank)),
      encodeBank(alone),
    );
  });
});

onEveryDevice("runRound() with a proximal term of 0 is the round without one", async (device) => {
  for (const optimizerKind of ["adamw", "sgd"] as const) {
    const banks: Uint8Array[] = [];
    for (const proximal of [false, true]) {
      const federation = await tinyFederation({ optimizerKind, adapted: { proximal } });
      await withFederation(device, federation, async (session) => {
        const start = await startState(federation, session);
        const { state } = await runRounds(federation, session, start, 1);
        banks.push(encodeBank(state.bank));
      });
    }
    assert.deepEqual(banks[1], banks[0], optimizerKind);
  }
});

Deno.test("buildTraining() keeps no anchor where there is no proximal term", async () => {
  for (const proximal of [false, true]) {
    const { adapted } = await tinyFederation({ adapted: { proximal } });
    const { program } = buildTraining(adapted, { B: 4, T: 12, ring: 1 }, "cpu");
    assert.equal(program.buffers.has(BUFFERS.anchor), proximal);
    assert.equal(program.nodes.some(({ op }) => op === "proximal_gradient"), proximal);
  }
});

Deno.test("clientRound() refuses a proximal term that its model was not built for", async () => {
  const federation = await tinyFederation({ optimizer: { proximal: 0.5 } });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    await assert.rejects(runRounds(federation, session, start, 1), {
      name: "TypeError",
      message: /^Cannot train with a proximal term of 0\.5: expected a model built for one$/,
    });
  });
});
