/** What a client measures and sends, replayed in double precision from the gradients of its steps. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { clientRound } from "../../src/federated/client_round.ts";
import type { Federation } from "../../src/federated/federation.ts";
import { startState } from "../../src/federated/simulate.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import { readAdapter, type Session } from "../../src/lora/session.ts";
import type { AdapterBank, ModuleComponents } from "../../src/protocol/bank.ts";
import { gatherComponents } from "../../src/protocol/components.ts";
import { type Deal, dealOf } from "../../src/protocol/deal.ts";
import { decodeUpdate, encodeDownload } from "../../src/protocol/messages/mod.ts";
import type { ScoreKind } from "../../src/protocol/method.ts";
import { componentScores, magnitudeScores } from "../../src/protocol/scores.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { assertClose } from "../reference/compare.ts";
import { sensitivity, type SensitivityResult, zeroSensitivity } from "../reference/sensitivity.ts";
import {
  dealsOf,
  tinyFederation,
  type TinySettings,
  updateOf,
  withFederation,
  withTrainedB,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

/** Clipping far below the gradients' norms: scores that saw the clipped gradient would be far off. */
const CLIPPED: TinySettings = { optimizer: { clipNorm: 0.01 }, local: { localSteps: 4 } };

const scoredRounds: readonly (readonly [string, TinySettings])[] = [
  ["bert", { ...CLIPPED, family: "bert" }],
  ["llama", { ...CLIPPED, family: "llama" }],
  [
    "a client that is pulled back",
    { ...CLIPPED, optimizer: { clipNorm: 0.01, proximal: 100 }, adapted: { proximal: true } },
  ],
];

for (const [name, settings] of scoredRounds) {
  onEveryDevice(
    `clientRound() of ${name} uploads the scores that its steps' weights and gradients have`,
    async (device) => {
      const federation = await tinyFederation(settings);
      await withFederation(device, federation, async (session) => {
        const state = withTrainedB(await startState(federation, session));
        const [, deal] = dealsOf(federation, state);
        const expected = await replay(federation, session, state.bank, deal);
        for (const score of ["smoothed-uncertainty", "smoothed"] as const) {
          const scored = { ...federation, local: { ...federation.local, score } };
          const { update } = await updateOf(scored, session, state.bank, deal);
          state.bank.modules.forEach((module, m) => {
            const scores = componentScores(module, expected[m], score);
            assert.ok(scores.every((value) => value > 0), "frozen components are measured too");
            assertClose(update.scores![m], scores, 1e-4, `${module.name} ${score}`);
          });
        }
      });
    },
  );
}

Deno.test("clientRound() scores by magnitude what it has trained", async () => {
  await scoredBy("magnitude", async (federation, session, bank, deal) => {
    const { update } = await updateOf(federation, session, bank, deal);
    const { modules } = await readAdapter(session);
    modules.forEach((module, m) => {
      assert.deepEqual(update.scores![m], Float32Array.from(magnitudeScores(module)));
    });
    assert.notDeepEqual(update.scores![0], Float32Array.from(magnitudeScores(bank.modules[0])));
  });
});

Deno.test("clientRound() draws random scores by run, round and client", async () => {
  await scoredBy("random", async (federation, session, bank, deal) => {
    const scoresOf = async (deal: Deal) =>
      (await updateOf(federation, session, bank, deal)).update.scores!;
    const scores = await scoresOf(deal);
    assert.ok(scores.every((list) => list.every((score) => score >= 0 && score < 1)));
    assert.equal(new Set(scores.flatMap((list) => [...list])).size, 4 * scores.length);
    assert.deepEqual(await scoresOf(deal), scores);
    assert.notDeepEqual(await scoresOf({ ...deal, client: 1 }), scores);
    assert.notDeepEqual(await scoresOf({ ...deal, round: 1 }), scores);
  });
});

Deno.test("clientRound() reports no score of a component that it does not hold", async () => {
  const federation = await tinyFederation({ distribution: "truncate" });
  await withFederation(cpu, federation, async (session) => {
    const { bank } = withTrainedB(await startState(federation, session));
    const deal = dealOf(4, 0, 0, "truncate", bank.modules.map(() => Uint32Array.of(2)));
    const { update } = await updateOf(federation, session, bank, deal);
    for (const scores of update.scores!) {
      assert.deepEqual([...scores].map(Number.isNaN), [true, true, false, true]);
      assert.ok(scores[2] > 0);
    }
  });
});

onEveryDevice(
  "clientRound() moves what it trains and the head, and nothing else by one bit",
  async (device) => {
    const federation = await tinyFederation({ optimizer: { weightDecay: 0.1 } });
    await withFederation(device, federation, async (session) => {
      const { bank } = withTrainedB(await startState(federation, session));
      const [trained, frozen] = [Uint32Array.of(0, 2), Uint32Array.of(1, 3)];
      const deal = dealOf(4, 0, 0, "freeze", bank.modules.map(() => trained));
      await updateOf(federation, session, bank, deal);
      const { modules, head } = await readAdapter(session);
      modules.forEach((module, m) => {
        assert.deepEqual(bits(module, frozen), bits(bank.modules[m], frozen));
        assert.notDeepEqual(bits(module, trained), bits(bank.modules[m], trained));
      });
      head.forEach(({ data }, h) => assert.notDeepEqual(data, bank.head[h].data));
    });
  },
);

Deno.test("clientRound() draws its batches by seed, round and client, without end", async () => {
  const federation = await tinyFederation({ local: { localSteps: 7 } });
  const [{ samples }] = federation.clients;
  assert.ok(samples.length < 7 * 4, "the rows are visited more than once");
  await withFederation(cpu, federation, async (session) => {
    const { bank } = await startState(federation, session);
    const losses = async (client: number, round: number, seed: number) => {
      const deal = dealOf(4, client, round, "freeze", bank.modules.map(() => Uint32Array.of(0)));
      const { bytes } = encodeDownload(bank, deal, { run: "tiny" });
      const outcome = await clientRound(session, { ...federation.local, seed }, bytes, { samples });
      assert.equal(outcome.tokens, 7 * 4 * 12);
      return outcome.losses;
    };
    const first = await losses(0, 0, 1);
    assert.equal(first.length, 7);
    assert.deepEqual(await losses(0, 0, 1), first);
    for (const other of [await losses(1, 0, 1), await losses(0, 1, 1), await losses(0, 0, 2)]) {
      assert.notDeepEqual(other, first);
    }
  });
});

Deno.test("clientRound() moves the learning rate by the step of the whole run", async () => {
  const federation = await tinyFederation();
  await withFederation(cpu, federation, async (session) => {
    const { bank } = withTrainedB(await startState(federation, session));
    const updateIn = async (round: number, totalSteps: number) => {
      const local = {
        ...federation.local,
        schedule: { kind: "linear", warmupSteps: 0, totalSteps } as const,
      };
      const deal = dealOf(4, 0, round, "freeze", bank.modules.map(() => Uint32Array.of(0)));
      return (await updateOf({ ...federation, local }, session, bank, deal)).update;
    };
    // Two rounds of three steps: in a third the rate is 0, and nothing moves but what is sent anyway.
    const { a, head } = await updateIn(2, 6);
    assert.deepEqual(a![0], bank.modules[0].a.slice(0, a![0].length));
    assert.deepEqual(head[0].data, bank.head[0].data);
    assert.notDeepEqual((await updateIn(1, 6)).a![0], a![0]);
  });
});

onEveryDevice(
  "clientRound() gives a component first dealt in a later round the first step of an early one",
  async (device) => {
    const federation = await tinyFederation({ local: { optimizerState: "keep", localSteps: 1 } });
    await withFederation(device, federation, async (session) => {
      const { bank } = withTrainedB(await startState(federation, session));
      const { samples } = federation.clients[0];
      const { local } = federation;
      const standstill = {
        ...local,
        localSteps: 3,
        optimizer: { ...local.optimizer, learningRate: 0, headLearningRate: 0 },
      };
      const download = (round: number, indices: Uint32Array) => {
        const deal = dealOf(4, 0, round, "freeze", bank.modules.map(() => indices));
        return encodeDownload(bank, deal, { run: "tiny" }).bytes;
      };
      const second = download(1, Uint32Array.of(0, 2));
      const fresh = await clientRound(session, local, second, { samples });

      const first = download(0, Uint32Array.of(0, 1));
      const { state } = await clientRound(session, standstill, first, { samples });
      const kept = await clientRound(session, local, second, { samples, state });
      const steps = (outcome: typeof kept) => Array.from(outcome.state!.steps.subarray(0, 8));
      // Of each component its row of A, then its column of B.
      assert.deepEqual(steps(fresh), [1, 1, 0, 0, 1, 1, 0, 0]);
      assert.deepEqual(steps(kept), [4, 4, 3, 3, 1, 1, 0, 0]);
      const [expected, update] = [fresh, kept].map(({ message }) =>
        decodeUpdate(message.bytes, bank).update
      );
      bank.modules.forEach((module, m) => {
        // Of the two components sent, [2, in] and [out, 2], the second is the one that starts now.
        const { inFeatures, outFeatures } = module;
        const pick = ({ a, b }: typeof update) => [
          a![m].slice(inFeatures),
          Float32Array.from({ length: outFeatures }, (_, j) => b[m][2 * j + 1]),
        ];
        assert.deepEqual(pick(update), pick(expected));
        assert.notDeepEqual(pick(update)[0], module.a.slice(2 * inFeatures, 3 * inFeatures));
      });
    });
  },
);

/** Components as bits: −0 differs from 0. */
function bits(module: ModuleComponents, indices: Uint32Array): Uint32Array[] {
  const { a, b } = gatherComponents(module, 4, indices);
  return [new Uint32Array(a.buffer), new Uint32Array(b.buffer)];
}

/** A federation of one kind of scores, a bank in mid-run, and the first client's deal. */
async function scoredBy(
  score: ScoreKind,
  body: (
    federation: Federation,
    session: Session,
    bank: AdapterBank,
    deal: Deal,
  ) => Promise<void>,
): Promise<void> {
  const federation = await tinyFederation({ local: { score } });
  await withFederation(cpu, federation, async (session) => {
    const state = withTrainedB(await startState(federation, session));
    const [deal] = dealsOf(federation, state);
    await body(federation, session, state.bank, deal);
  });
}

/** Sensitivities of all weights after the client's steps: I = |w·g| of each step's own w and g, smoothed in double precision. */
async function replay(
  federation: Federation,
  session: Session,
  bank: AdapterBank,
  deal: Deal,
): Promise<{ a: SensitivityResult; b: SensitivityResult }[]> {
  let weights: readonly ModuleComponents[] = bank.modules;
  let states = bank.modules.map(({ a, b }) => ({
    a: zeroSensitivity(a.length),
    b: zeroSensitivity(b.length),
  }));
  // A round of n steps ends with the gradient of step n in its buffer, and is the start of a round of n + 1.
  for (let localSteps = 1; localSteps <= federation.local.localSteps; localSteps++) {
    const shorter = { ...federation, local: { ...federation.local, localSteps } };
    await updateOf(shorter, session, bank, deal);
    const gradient = await session.executor.read(BUFFERS.gradient) as Float32Array;
    const { a, b } = session.adapted.layout;
    const part = (offset: number, length: number) => gradient.subarray(offset, offset + length);
    states = states.map((state, m) => ({
      a: sensitivity(state.a, weights[m].a, part(a[m].offset, weights[m].a.length)),
      b: sensitivity(state.b, weights[m].b, part(b[m].offset, weights[m].b.length)),
    }));
    weights = (await readAdapter(session)).modules;
  }
  return states;
}
