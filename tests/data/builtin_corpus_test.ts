import assert from "node:assert/strict";
import { builtinCorpus } from "../../src/data/builtin_corpus.ts";
import { topics } from "../../src/data/builtin_words.ts";
import { naiveBayesAccuracy } from "./naive_bayes.ts";

Deno.test("builtinCorpus() is hard enough and easy enough for naive Bayes", () => {
  for (const seed of [1, 2]) {
    const { train, test } = builtinCorpus(seed, { train: 2000, test: 1000 });
    const accuracy = naiveBayesAccuracy(train, test);
    assert.ok(accuracy > 0.84 && accuracy < 0.93, `seed ${seed}: got ${accuracy}`);
  }
});

Deno.test("builtinCorpus() writes short posts in equal shares of twenty topics", () => {
  const corpus = builtinCorpus(3, { train: 400, test: 100 });
  assert.equal(corpus.labels.length, 20);
  assert.deepEqual([...corpus.labels].sort(), corpus.labels);
  assert.deepEqual([corpus.train.length, corpus.validation.length, corpus.test.length], [
    400,
    40,
    100,
  ]);
  for (const label of corpus.labels) {
    assert.equal(corpus.train.filter((post) => post.label === label).length, 20);
  }
  const lengths = corpus.train.map(({ text }) => text.split(" ").length);
  assert.ok(Math.min(...lengths) >= 12 && Math.max(...lengths) <= 60, `got ${lengths}`);
});

Deno.test("builtinCorpus() repeats for a seed, differs between seeds and parts, and grows at its end", () => {
  const small = builtinCorpus(3, { train: 40, validation: 20, test: 20 });
  assert.deepEqual(builtinCorpus(3, { train: 40, validation: 20, test: 20 }), small);
  assert.deepEqual(builtinCorpus(3, { train: 80, test: 20 }).train.slice(0, 40), small.train);
  assert.notDeepEqual(builtinCorpus(4, { train: 40, test: 20 }).train, small.train);
  assert.notEqual(small.train[0].text, small.test[0].text);
});

Deno.test("topics have 25 to 40 words each, named once", () => {
  for (const { topic, nouns, verbs, adjectives } of topics) {
    const words = [...nouns, ...verbs, ...adjectives];
    assert.ok(words.length >= 25 && words.length <= 40, `${topic}: ${words.length}`);
    for (const list of [nouns, verbs, adjectives]) assert.equal(new Set(list).size, list.length);
  }
});
