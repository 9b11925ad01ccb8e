import assert from "node:assert/strict";
import fc from "fast-check";
import { type Participation, sampleSize } from "../../src/protocol/manifest.ts";
import { sampleClients } from "../../src/protocol/sampling.ts";

const round = { seed: 1, round: 0, attempt: 0 };

Deno.test("sampleClients() draws distinct ready clients, ascending, whatever their order", () => {
  const clients = fc.uniqueArray(fc.nat({ max: 50 }), { minLength: 1 });
  fc.assert(fc.property(clients, fc.nat(), fc.nat({ max: 9 }), (ready, seed, attempt) => {
    const count = Math.ceil(ready.length / 2);
    const sample = sampleClients({ ready, count, seed, round: 3, attempt });
    assert.equal(sample.length, count);
    assert.deepEqual(sample, [...new Set(sample)].sort((x, y) => x - y));
    assert.ok(sample.every((client) => ready.includes(client)));
    const again = sampleClients({ ready: ready.toReversed(), count, seed, round: 3, attempt });
    assert.deepEqual(again, sample);
  }));
});

Deno.test("sampleClients() gives every client the same chance over rounds and attempts", () => {
  const ready = [0, 1, 2, 3, 4];
  const drawn = new Array<number>(5).fill(0);
  for (let round = 0; round < 200; round++) {
    for (let attempt = 0; attempt < 5; attempt++) {
      for (const client of sampleClients({ ready, count: 2, seed: 7, round, attempt })) {
        drawn[client]++;
      }
    }
  }
  // 1,000 draws of 2 of 5: 400 each, with a standard deviation of 15.5.
  for (const count of drawn) assert.ok(Math.abs(count - 400) < 62, `${drawn}`);
});

Deno.test("sampleClients() throws RangeError when more are asked for than are ready", () => {
  assert.throws(() => sampleClients({ ...round, ready: [1, 2], count: 3 }), {
    name: "RangeError",
    message: "Cannot sample 3 clients: expected 0 to 2",
  });
});

Deno.test("sampleSize() is the aim times the over-selection, rounded up, at most the ready", () => {
  const participation = { perRound: 10, overSelection: 1.25 } as Participation;
  assert.equal(sampleSize(participation, 100), 13);
  assert.equal(sampleSize(participation, 11), 11);
});
