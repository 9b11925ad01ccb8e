import assert from "node:assert/strict";
import { readModel, storedName } from "../../src/models/mod.ts";
import { BERT, DISTILBERT, GEMMA, GPT2, LLAMA, ROBERTA } from "./small_configs.ts";

Deno.test("readModel() ties the embeddings to the language model's output layer, llama on demand", () => {
  const tied = [BERT, DISTILBERT, ROBERTA, GPT2, GEMMA, LLAMA, {
    ...LLAMA,
    tie_word_embeddings: true,
  }]
    .map((config) => readModel(config).tied);
  assert.deepEqual(tied, [
    { "bert.embeddings.word_embeddings.weight": "cls.predictions.decoder.weight" },
    { "distilbert.embeddings.word_embeddings.weight": "vocab_projector.weight" },
    { "roberta.embeddings.word_embeddings.weight": "lm_head.decoder.weight" },
    { "transformer.wte.weight": "lm_head.weight" },
    { "model.embed_tokens.weight": "lm_head.weight" },
    {},
    { "model.embed_tokens.weight": "lm_head.weight" },
  ]);
  assert.deepEqual(readModel({ ...BERT, tie_word_embeddings: false }).tied, {});
});

Deno.test("storedName() takes the tied name only where the checkpoint holds it alone", () => {
  const model = { tied: { embeddings: "output" } };
  const name = (wanted: string, ...stored: string[]) =>
    storedName(model, wanted, (other) => stored.includes(other));
  assert.equal(name("embeddings", "embeddings", "output"), "embeddings");
  assert.equal(name("embeddings", "output"), "output");
  assert.equal(name("embeddings"), "embeddings");
  assert.equal(name("norm", "output"), "norm");
});
