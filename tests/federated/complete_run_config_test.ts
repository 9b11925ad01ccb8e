import assert from "node:assert/strict";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import { methodNamed } from "../../src/protocol/methods/mod.ts";

Deno.test("completeRunConfig() derives rank, buckets, threads and folder", () => {
  const surroundings = { threads: 3, now: new Date(2025, 2, 1, 14, 25, 30) };
  const config = completeRunConfig({ ranks: [2, 6], seqLen: 33 }, surroundings);
  assert.equal(config.rank, 6);
  assert.deepEqual(config.buckets, [17, 33]);
  assert.equal(config.threads, 3);
  assert.equal(config.out, "runs/2025-03-01-142530");
  assert.deepEqual(completeRunConfig({ seqLen: 1 }).buckets, [1]);
  assert.equal(completeRunConfig({ buckets: [128, 32] }).seqLen, 128);
});

Deno.test("completeRunConfig() accepts one client at one rank", () => {
  assert.equal(completeRunConfig({ clients: 1, ranks: [8] }).rank, 8);
});

Deno.test("completeRunConfig() pools a federation into one client that takes everyone's steps", () => {
  const { settings } = methodNamed("centralised")!;
  const config = completeRunConfig({
    ...settings,
    clients: 10,
    participation: 0.5,
    dropouts: 0.1,
    localSteps: 4,
    ranks: [2, 4],
    partition: "shards",
  });
  const { clients, localSteps, ranks, rank, partition, participation, dropouts } = config;
  assert.deepEqual([clients, ranks, rank, partition], [1, [4], 4, "iid"]);
  assert.equal(localSteps, 5 * 4, "of the clients that a round would sample");
  assert.deepEqual([participation, dropouts], [1, 0]);
  assert.deepEqual(completeRunConfig(config), config, "what is pooled stays so");
  assert.deepEqual(completeRunConfig({ ...settings, rank: 16 }).ranks, [16]);
});

Deno.test("completeRunConfig() derives the server's learning rate from its optimizer", () => {
  const rates = (["none", "momentum", "adam"] as const)
    .map((serverOptimizer) => completeRunConfig({ serverOptimizer }).serverLr);
  assert.deepEqual(rates, [1, 1, 0.01]);
  assert.equal(completeRunConfig({ serverOptimizer: "adam", serverLr: 0.5 }).serverLr, 0.5);
});

Deno.test("completeRunConfig() deals texts that need no labels evenly, in rows of one length", () => {
  const lm = completeRunConfig({ task: "lm", data: "texts.jsonl", seqLen: 32 });
  assert.deepEqual([lm.partition, lm.buckets, lm.textColumn], ["iid", [32], "text"]);
  const buckets =
    completeRunConfig({ task: "lm", data: "texts.jsonl", seqLen: 32, packing: false }).buckets;
  assert.deepEqual(buckets, [16, 32]);
  assert.equal(
    completeRunConfig({ task: "lm", data: "texts.jsonl", partition: "shards" }).partition,
    "shards",
  );
  const chat = completeRunConfig({ task: "chat", data: "chats.jsonl" });
  assert.equal(chat.textColumn, "messages");
});
