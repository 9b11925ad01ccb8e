import assert from "node:assert/strict";
import fc from "fast-check";
import { createBank } from "../../src/protocol/bank.ts";
import {
  checkClientChoice,
  ClientChoiceError,
  clientsChoose,
} from "../../src/protocol/client_choice.ts";
import { indicesOf } from "../../src/protocol/components.ts";
import {
  chooseComponents,
  dealRound,
  holdsComponents,
  type RoundSettings,
} from "../../src/protocol/deal.ts";
import { distributions } from "../../src/protocol/method.ts";
import { RankError } from "../../src/protocol/ranks.ts";
import {
  greedy,
  random,
  sampled,
  selectGlobal,
  selectPerModule,
} from "../../src/protocol/selection.ts";
import { randomBank, roundShape } from "./support.ts";

const modules = ["q_proj", "v_proj"].map((name) => ({ name, inFeatures: 2, outFeatures: 2 }));
const empty = createBank({ modules, rank: 4, alpha: 8, seed: 1, head: [] });
const bank = {
  ...empty,
  scores: [new Float64Array([1, 9, 3, 5]), new Float64Array([0.4, 0.3, 0.2, 0.1])],
};
const settings: RoundSettings = {
  bank,
  participants: [{ client: 0, rank: 2 }],
  method: "freeze",
  scope: selectPerModule,
  selector: greedy,
  warmupRounds: 0,
  round: 0,
  seed: 1,
};
const lists = (vectors: readonly ArrayLike<number>[]) =>
  vectors.map((vector) => Array.from(vector));

Deno.test("dealRound() holds all and trains the top when the method is freeze", () => {
  const [deal] = dealRound(settings);
  assert.deepEqual(lists(deal.indices), [[1, 3], [0, 1]]);
  assert.deepEqual(lists(deal.train), [[0, 1, 0, 1], [1, 1, 0, 0]]);
  assert.deepEqual(lists(deal.forward), [[1, 1, 1, 1], [1, 1, 1, 1]]);
});

Deno.test("dealRound() holds only the top when the method is truncate", () => {
  const [deal] = dealRound({ ...settings, method: "truncate" });
  assert.deepEqual(lists(deal.indices), [[1, 3], [0, 1]]);
  assert.deepEqual(deal.forward, deal.train);
});

Deno.test("dealRound() trains everything when the method is full, in warm-up too", () => {
  const participants = [{ client: 0, rank: 4 }];
  const [deal] = dealRound({ ...settings, method: "full", participants, warmupRounds: 3 });
  assert.deepEqual(lists(deal.train), [[1, 1, 1, 1], [1, 1, 1, 1]]);
  assert.deepEqual(deal.forward, deal.train);
});

Deno.test("dealRound() gives no component to anyone when the method is head, in warm-up too", () => {
  for (const warmupRounds of [0, 3]) {
    const [deal] = dealRound({ ...settings, method: "head", warmupRounds });
    assert.deepEqual(lists(deal.indices), [[], []]);
    assert.deepEqual(lists(deal.train), [[0, 0, 0, 0], [0, 0, 0, 0]]);
    assert.deepEqual(deal.forward, deal.train);
    assert.equal(holdsComponents(deal), false);
  }
  assert.equal(holdsComponents(dealRound({ ...settings, method: "truncate" })[0]), true);
});

Deno.test("dealRound() says which factors are trained, both unless told", () => {
  assert.equal(dealRound(settings)[0].factors, "both");
  const [deal] = dealRound({ ...settings, factors: "b" });
  assert.deepEqual(deal, { ...dealRound(settings)[0], factors: "b" });
});

Deno.test("dealRound() chooses from the bank's scores, as chooseComponents() does", () => {
  const participant = { client: 3, rank: 2 };
  const round = { ...settings, selector: sampled(1), round: 7 };
  const [deal] = dealRound({ ...round, participants: [participant] });
  assert.deepEqual(chooseComponents(bank, participant, 7, bank.scores, round), deal.indices);
});

Deno.test("chooseComponents() follows the client's own scores", () => {
  const scores = [new Float64Array([4, 3, 2, 1]), new Float64Array([1, 2, 3, 4])];
  const chosen = chooseComponents(bank, { client: 0, rank: 1 }, 0, scores, settings);
  assert.deepEqual(lists(chosen), [[0], [3]]);
});

Deno.test("chooseComponents() draws at random when there are no scores yet", () => {
  const chosen = new Set<string>();
  for (let client = 0; client < 40; client++) {
    chosen.add(String(chooseComponents(bank, { client, rank: 1 }, 0, undefined, settings)[0]));
  }
  assert.deepEqual([...chosen].sort(), ["0", "1", "2", "3"]);
});

Deno.test("dealRound() pools modules when the scope is global", () => {
  const [deal] = dealRound({ ...settings, scope: selectGlobal });
  assert.deepEqual(lists(deal.indices), [[0, 1, 2, 3], []]);
});

Deno.test("dealRound() keeps budgets, masks and order for any round", () => {
  const situations = fc.record({
    shape: roundShape,
    ranks: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
    method: fc.constantFrom("freeze", "truncate"),
    selector: fc.constantFrom(greedy, random),
    warmupRounds: fc.nat({ max: 2 }),
    round: fc.nat({ max: 4 }),
  });
  fc.assert(fc.property(situations, ({ shape, ranks, ...rest }) => {
    const bank = randomBank(shape);
    const participants = ranks.map((rank, client) => ({ client, rank: 1 + rank % shape.rank }));
    const deals = dealRound({ ...settings, ...rest, bank, participants });
    deals.forEach((deal, client) => {
      assert.equal(deal.client, client);
      assert.equal(deal.round, rest.round);
      checkClientChoice(deal.indices, participants[client].rank, bank, "module");
      deal.train.forEach((mask, m) => {
        assert.deepEqual(indicesOf(mask), deal.indices[m]);
        assert.equal(mask.length, shape.rank);
        const held = rest.method === "truncate" ? mask : new Uint8Array(shape.rank).fill(1);
        assert.deepEqual(deal.forward[m], held);
      });
    });
    const reversed = participants.toReversed();
    assert.deepEqual(dealRound({ ...settings, ...rest, bank, participants: reversed }), deals);
  }));
});

Deno.test("dealRound() throws RankError when a rank does not fit the server's or the method", () => {
  for (const rank of [0, 5, 1.5]) {
    assert.throws(() => dealRound({ ...settings, participants: [{ client: 0, rank }] }), RankError);
  }
  assert.throws(() => dealRound({ ...settings, method: "full" }), {
    name: "RankError",
    message: "Cannot deal to client 0: expected a rank of 4 under full, got 2",
  });
});

Deno.test("clientsChoose() once the warm-up is over, where clients rank and there is something to pick", () => {
  const chosen = distributions.filter((method) =>
    clientsChoose({ method, rankBy: "client", warmupRounds: 2 }, 2)
  );
  assert.deepEqual(chosen, ["freeze", "truncate"]);
  assert.equal(clientsChoose({ method: "freeze", rankBy: "client", warmupRounds: 2 }, 1), false);
  assert.equal(clientsChoose({ method: "freeze", rankBy: "server", warmupRounds: 2 }, 2), false);
});

Deno.test("checkClientChoice() accepts when the budget is kept, in its scope", () => {
  const uneven = [new Uint32Array([0, 1, 2, 3]), new Uint32Array([])];
  checkClientChoice([new Uint32Array([0, 3]), new Uint32Array([1, 2])], 2, bank, "module");
  checkClientChoice(uneven, 2, bank, "global");
  assert.throws(() => checkClientChoice(uneven, 2, bank, "module"), ClientChoiceError);
});

const brokenChoices: readonly [string, number[][], RegExp][] = [
  ["a module is missing", [[0, 1]], /expected 2 index lists, got 1/],
  ["the total is over budget", [[0, 1, 2], [0, 1]], /expected 4 components in all, got 5/],
  ["the total is under budget", [[0], [0, 1]], /expected 4 components in all, got 3/],
  ["a list descends", [[1, 0], [0, 1]], /"q_proj": expected ascending components/],
  ["a list repeats", [[0, 1], [1, 1]], /"v_proj": expected ascending components/],
  ["a component does not exist", [[0, 4], [0, 1]], /below 4, got \[0,4\]/],
];

for (const [situation, choice, message] of brokenChoices) {
  Deno.test(`checkClientChoice() throws ClientChoiceError when ${situation}`, () => {
    const indices = choice.map((list) => Uint32Array.from(list));
    assert.throws(() => checkClientChoice(indices, 2, bank, "global"), (error) => {
      assert(error instanceof ClientChoiceError);
      assert.match(error.message, message);
      return true;
    });
  });
}
