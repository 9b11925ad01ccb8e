import assert from "node:assert/strict";
import fc from "fast-check";
import { participants, shareOf } from "../../../src/engine/cpu/share.ts";

Deno.test("shareOf() deals every unit once, in order, in near-equal shares", () => {
  fc.assert(fc.property(fc.nat(1000), fc.integer({ min: 1, max: 70 }), (units, count) => {
    let next = 0;
    for (let index = 0; index < count; index++) {
      const { begin, end } = shareOf(units, count, index);
      assert.equal(begin, next);
      assert.ok(Math.abs(end - begin - units / count) < 1);
      next = end;
    }
    assert.equal(next, units);
  }));
});

Deno.test("participants() leaves small work to one thread and shares large work", () => {
  assert.equal(participants({ flops: 100, bytes: 100 }, 50, 8), 1);
  assert.equal(participants({ flops: 1e9, bytes: 100 }, 50, 8), 8);
  assert.equal(participants({ flops: 0, bytes: 1e9 }, 50, 8), 8);
  assert.equal(participants({ flops: 1e9, bytes: 100 }, 3, 8), 3);
  assert.equal(participants({ flops: 1e9, bytes: 100 }, 50, 1), 1);
});
