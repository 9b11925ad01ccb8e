import assert from "node:assert/strict";
import { servedModelHash } from "../../src/protocol/served_model.ts";

const [hash, tokenizer, chatTemplate, other] = ["a", "b", "c", "d"].map((digit) =>
  digit.repeat(64)
);
const model = { name: "tiny", revision: null, hash, tokenizer };

Deno.test("servedModelHash() is the model's own where no conversation is read", async () => {
  assert.equal(await servedModelHash(model), hash);
});

Deno.test("servedModelHash() tells the same weights with other chat templates or tokenizers apart", async () => {
  const chat = { ...model, chatTemplate };
  const served = await servedModelHash(chat);
  assert.match(served, /^[0-9a-f]{64}$/);
  assert.equal(await servedModelHash({ ...chat, name: "renamed", revision: "v2" }), served);
  const others = [model, { ...chat, chatTemplate: other }, { ...chat, tokenizer: other }];
  const hashes = await Promise.all([chat, ...others].map(servedModelHash));
  assert.equal(new Set(hashes).size, 4);
});
