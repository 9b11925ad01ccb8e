/** Random banks, deals and updates for the protocol's tests. */

import fc from "fast-check";
import { type AdapterBank, createBank } from "../../src/protocol/bank.ts";
import { type Deal, dealOf } from "../../src/protocol/deal.ts";
import type { Distribution, Factors } from "../../src/protocol/method.ts";
import { type RandomStream, randomStream } from "../../src/protocol/random.ts";
import type { ClientUpdate } from "../../src/protocol/update.ts";

/** A round with everything random but repeatable: a bank, the deals of its participants, and their updates. */
export interface RandomRound {
  readonly bank: AdapterBank;
  readonly deals: readonly Deal[];
  readonly updates: readonly ClientUpdate[];
}

export interface RoundShape {
  readonly seed: number;
  readonly rank: number;
  readonly modules: readonly (readonly [inFeatures: number, outFeatures: number])[];
  readonly clients: number;
}

export const roundShape: fc.Arbitrary<RoundShape> = fc.record({
  seed: fc.nat(),
  rank: fc.integer({ min: 1, max: 8 }),
  modules: fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })), {
    minLength: 1,
    maxLength: 3,
  }),
  clients: fc.integer({ min: 1, max: 5 }),
});

export function normals(count: number, stream: RandomStream): Float32Array {
  return Float32Array.from({ length: count }, () => stream.normal());
}

/** A bank in mid-run: B, scores and head are not zero. */
export function randomBank({ seed, rank, modules }: RoundShape): AdapterBank {
  const stream = randomStream(seed, "test bank");
  const bank = createBank({
    rank,
    alpha: 16,
    seed,
    modules: modules.map(([inFeatures, outFeatures], m) => ({
      name: `layers.${m}.q_proj`,
      inFeatures,
      outFeatures,
    })),
    head: [
      { name: "score.weight", shape: [2, 3], data: normals(6, stream) },
      { name: "score.bias", shape: [2], data: normals(2, stream) },
    ],
  });
  return {
    ...bank,
    modules: bank.modules.map((module) => ({ ...module, b: normals(module.b.length, stream) })),
    scores: bank.scores.map((scores) => scores.map(() => stream.uniform())),
    trained: bank.trained.map((flags) => flags.map(() => stream.integer(2))),
  };
}

/** Random components under `method`: any number of them per module, none included; all of them under "full", none under "head". */
export function randomDeal(
  bank: AdapterBank,
  client: number,
  method: Distribution,
  stream: RandomStream,
  factors: Factors = "both",
): Deal {
  const indices = bank.modules.map(() => {
    const all = Uint32Array.from({ length: bank.rank }, (_, i) => i);
    if (method === "head") return new Uint32Array();
    return method === "full" ? all : all.filter(() => stream.integer(2) === 1);
  });
  return dealOf(bank.rank, client, 3, method, indices, factors);
}

export function randomUpdate(bank: AdapterBank, deal: Deal, stream: RandomStream): ClientUpdate {
  const { client, round, indices, forward, factors } = deal;
  const a = bank.modules.map(({ inFeatures }, m) =>
    normals(indices[m].length * inFeatures, stream)
  );
  return {
    client,
    round,
    samples: 1 + stream.integer(2000),
    indices,
    ...(factors === "both" && { a }),
    b: bank.modules.map(({ outFeatures }, m) => normals(outFeatures * indices[m].length, stream)),
    scores: forward.map((mask) => Float32Array.from(mask, (held) => held ? stream.uniform() : NaN)),
    head: bank.head.map((tensor) => ({ ...tensor, data: normals(tensor.data.length, stream) })),
  };
}

export function randomRound(
  shape: RoundShape,
  method: Distribution,
  factors: Factors = "both",
): RandomRound {
  const bank = randomBank(shape);
  const stream = randomStream(shape.seed, "test round");
  const deals = Array.from(
    { length: shape.clients },
    (_, client) => randomDeal(bank, client, method, stream, factors),
  );
  return { bank, deals, updates: deals.map((deal) => randomUpdate(bank, deal, stream)) };
}
