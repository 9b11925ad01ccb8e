import assert from "node:assert/strict";
import { modelCard } from "../../../src/cli/pretrain/card.ts";
import { readConfig } from "../../../src/cli/pretrain/config.ts";

const metric = {
  step: 10,
  loss: 3,
  validationLoss: 2,
  learningRate: 0.001,
  tokensPerSecond: 100,
  seconds: 60,
};

function cardOf(flags: Record<string, string>): string {
  const config = readConfig({ corpus: "data/a.txt", tokenizer: "bert-base/", ...flags });
  const file = {
    kind: "hafl-pretrain",
    config,
    corpus: { documents: 200, trainTokens: 9000, validationTokens: 100 },
    started: "2026-01-02T03:04:05Z",
    versions: {},
    device: "CPU",
  } as const;
  return modelCard(file, [], [metric]);
}

Deno.test("modelCard() speaks of masks only where there are some", () => {
  assert.match(cardOf({}), /2\.000 on held-out documents, masked alike each time \(nats/);
  const next = cardOf({ objective: "next" });
  assert.match(next, /2\.000 on held-out documents \(nats/);
  assert.doesNotMatch(next, /mask/);
});

Deno.test("modelCard() names folders by their last word, or two where that says nothing", () => {
  const card = cardOf({ init: "/home/me/my-base/model" });
  assert.match(card, /\| vocabulary \| of bert-base \|/);
  assert.match(card, /\| started from \| my-base\/model \|/);
  assert.doesNotMatch(card, /home/);
});
