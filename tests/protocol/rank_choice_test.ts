import assert from "node:assert/strict";
import { dealOf, holdsComponents } from "../../src/protocol/deal.ts";
import { encodeDownload, encodeUpdate } from "../../src/protocol/messages/mod.ts";
import { chooseTier, messageBytes } from "../../src/protocol/rank_choice.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { allComponents } from "../../src/protocol/components.ts";
import { randomBank, randomUpdate } from "./support.ts";

const bytes = (rank: number) => ({ down: 100, up: 100 * rank });
const demand = { localSteps: 10, deadlineSeconds: 100, bytes };

Deno.test("chooseTier() gives the largest tier that fits four fifths of the deadline", () => {
  const means = { stepSeconds: 1, link: { down: 10, up: 10 } };
  // 10 s down, 10 s of steps and 10 s up per rank: 60 s with rank 4, 80 s with rank 6, 100 s with rank 8.
  assert.deepEqual(chooseTier([2, 4, 8], means, demand), { rank: 4, seconds: 60, fits: true });
  assert.deepEqual(chooseTier([6, 2], means, demand), { rank: 6, seconds: 80, fits: true });
  assert.equal(chooseTier([2, 7], means, demand).rank, 2);
});

Deno.test("chooseTier() weighs steps and both directions of the link", () => {
  const fast = { stepSeconds: 0.1, link: { down: 1e6, up: 1e6 } };
  assert.equal(chooseTier([2, 4, 8], fast, demand).rank, 8);
  assert.equal(chooseTier([2, 4, 8], { ...fast, stepSeconds: 9 }, demand).fits, false);
  assert.equal(chooseTier([2, 4, 8], { ...fast, link: { down: 1, up: 1e6 } }, demand).fits, false);
  assert.equal(chooseTier([2, 4, 8], { ...fast, link: { down: 1e6, up: 6 } }, demand).rank, 4);
});

Deno.test("chooseTier() gives the smallest tier, and says so, when none fits", () => {
  const slow = { stepSeconds: 100, link: { down: 1, up: 1 } };
  assert.deepEqual(chooseTier([8, 2, 4], slow, demand), { rank: 2, seconds: 1300, fits: false });
});

Deno.test("messageBytes() comes close to the messages", () => {
  const bank = randomBank({ seed: 1, rank: 8, modules: [[64, 32], [48, 96]], clients: 1 });
  const methods = [
    { method: "freeze" },
    { method: "truncate", factors: "both" },
    { method: "freeze", factors: "b" },
    { method: "head" },
  ] as const;
  for (const { method, factors } of methods.map((choice) => ({ factors: undefined, ...choice }))) {
    for (const rank of [1, 5, 8]) {
      const list = method === "head" ? new Uint32Array() : allComponents(rank);
      const deal = dealOf(bank.rank, 0, 0, method, bank.modules.map(() => list), factors);
      const { scores, ...silent } = randomUpdate(bank, deal, randomStream(1, "update"));
      const update = holdsComponents(deal) ? { ...silent, ...(scores && { scores }) } : silent;
      const down = encodeDownload(bank, deal, { run: "r" }).sizes.total;
      const up = encodeUpdate(bank, update, { run: "r" }).sizes.total;
      const guess = messageBytes(
        bank,
        { method, rankBy: "server", ...(factors && { factors }) },
        rank,
      );
      // What a message says of itself is left out; beside the head alone that shows.
      const close = (guess: number, bytes: number) =>
        assert.ok(Math.abs(guess - bytes) < Math.max(0.1 * bytes, 70), `${guess} for ${bytes}`);
      close(guess.down, down);
      close(guess.up, up);
    }
  }
});
