import assert from "node:assert/strict";
import { initialBank } from "../../src/federated/federation.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { tinyFederation } from "./support.ts";

Deno.test("initialBank() starts A and B as PEFT does and draws the head as its family does", async () => {
  const federation = await tinyFederation({ family: "bert" });
  const { rank, alpha, modules, head, scores, trained } = initialBank(federation);
  assert.deepEqual([rank, alpha, modules.length], [4, 8, 8]);
  for (const { a, b, inFeatures } of modules) {
    const bound = 1 / Math.sqrt(inFeatures);
    assert.ok(a.every((value) => Math.abs(value) <= bound) && Math.max(...a) > 0.8 * bound);
    assert.ok(b.every((value) => value === 0));
  }
  const [weight, bias] = head;
  assert.deepEqual([weight.name, weight.shape], ["classifier.weight", [3, 32]]);
  const variance = weight.data.reduce((sum, value) => sum + value * value, 0) / weight.data.length;
  assert.ok(Math.abs(Math.sqrt(variance) / 0.02 - 1) < 0.25, "config.json's initializer_range");
  assert.deepEqual([bias.name, ...bias.data], ["classifier.bias", 0, 0, 0]);
  assert.ok(scores.every((list) => list.every((score) => score === 0)));
  assert.ok(trained.every((list) => list.every((flag) => flag === 0)));
});

Deno.test("initialBank() depends on the seed alone, not on the clients", async () => {
  const bytes = async (settings: Parameters<typeof tinyFederation>[0]) =>
    encodeBank(initialBank(await tinyFederation(settings)));
  assert.deepEqual(await bytes({ ranks: [4] }), await bytes({ ranks: [1, 2, 4] }));
  assert.notDeepEqual(await bytes({ seed: 2 }), await bytes({ seed: 1 }));
});
