import assert from "node:assert/strict";
import fc from "fast-check";
import { chunkOf, deal } from "../../../src/engine/cpu/share.ts";

const LONG = { flops: 1e12, bytes: 1 };
const SHORT = { flops: 1e6, bytes: 1 };

Deno.test("chunkOf() deals every unit once, in order, in near-equal chunks a round", () => {
  const costs = fc.constantFrom(LONG, SHORT);
  fc.assert(
    fc.property(costs, fc.nat(1000), fc.integer({ min: 1, max: 70 }), (cost, units, threads) => {
      const dealt = deal(cost, units, threads);
      let next = 0;
      for (let first = 0; first < dealt.chunks; first += dealt.participants) {
        const sizes: number[] = [];
        for (let place = 0; place < dealt.participants; place++) {
          const { begin, end } = chunkOf(dealt, first + place);
          assert.equal(begin, next);
          sizes.push(end - begin);
          next = end;
        }
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
      }
      assert.equal(next, units);
    }),
  );
});

Deno.test("deal() leaves small work to one thread and shares large work", () => {
  const participants = (flops: number, bytes: number, units: number, threads: number) =>
    deal({ flops, bytes }, units, threads).participants;
  assert.equal(participants(100, 100, 50, 8), 1);
  assert.equal(participants(1e9, 100, 50, 8), 8);
  assert.equal(participants(0, 1e9, 50, 8), 8);
  assert.equal(participants(1e9, 100, 3, 8), 3);
  assert.equal(participants(1e9, 100, 50, 1), 1);
});

Deno.test("deal() keeps a part of long work for whoever is free", () => {
  const rounds = (dealt: ReturnType<typeof deal>) =>
    Array.from({ length: dealt.chunks }, (_, chunk) => {
      const { begin, end } = chunkOf(dealt, chunk);
      return end - begin;
    });
  assert.deepEqual(rounds(deal(LONG, 100, 2)), [32, 33, 10, 10, 5, 5, 2, 3]);
  assert.deepEqual(rounds(deal(LONG, 100, 1)), [100]);
  assert.deepEqual(rounds(deal({ flops: 2e6, bytes: 1 }, 100, 2)), [50, 50]);
});
