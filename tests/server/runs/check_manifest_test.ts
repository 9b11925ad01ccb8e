import assert from "node:assert/strict";
import { checkManifest, ServiceError } from "../../../server/runs/mod.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { tinyLanguageManifest, tinyManifest } from "../tiny_run.ts";

const good = tinyManifest();
const adam = { kind: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 };

/** The manifest with one value replaced, by a path of keys parted by dots. */
function withValue(path: string, value: unknown, from: RunManifest = good): unknown {
  const copy = structuredClone(from) as unknown as Record<string, unknown>;
  const keys = path.split(".");
  const last = keys.pop()!;
  let part = copy;
  for (const key of keys) part = part[key] as Record<string, unknown>;
  part[last] = value;
  return copy;
}

function complaint(value: unknown): string {
  try {
    checkManifest(value);
  } catch (error) {
    assert.ok(error instanceof ServiceError, `${error}`);
    assert.equal(error.code, "malformed");
    return error.message;
  }
  return "none";
}

Deno.test("checkManifest() returns a good manifest as it is", () => {
  assert.deepEqual(checkManifest(good), good);
  const auto = { ...good, ranks: { kind: "auto" as const, tiers: [1, 2, 4] } };
  assert.deepEqual(checkManifest(auto), auto);
  const method = { ...good.method, serverOptimizer: adam };
  assert.deepEqual(checkManifest({ ...good, method }).method, method);
  const training = { localSteps: 3, lr: 0.01, buckets: [8, 16], optimizer: "adamw" };
  assert.deepEqual(checkManifest({ ...good, training }).training, training);
});

Deno.test("checkManifest() names what is wrong", () => {
  const faults: [path: string, value: unknown, complaint: RegExp][] = [
    ["kind", "hafl-manifest-9", /kind/],
    ["kind", "hafl-manifest-2", /task: expected lm or chat, got nothing/],
    ["name", "", /name/],
    ["name", "two\nlines", /name/],
    ["model.hash", "abc", /model\.hash/],
    ["labels", ["one"], /labels/],
    ["labels", ["one", "one"], /labels: expected each once, got "one" twice/],
    ["layout.rank", 0, /layout\.rank/],
    ["layout.rank", 2, /ranks: expected at most the server's rank 2, got 3/],
    ["layout.modules", [], /layout\.modules/],
    ["layout.modules", [good.layout.modules[0], good.layout.modules[0]], /got ".*q_proj.*" twice/],
    ["layout.head", [{ name: "__metadata__", shape: [1] }], /got "__metadata__" twice/],
    ["layout.modules.0.inFeatures", 2 ** 27, /layout: expected at most 268435456 numbers in all/],
    ["alpha", 0, /alpha/],
    ["rounds", 1.5, /rounds/],
    ["method.selection", "best", /method\.selection/],
    ["method.aggregation", "fedit", /ranks: .*fedit/],
    ["method.method", "full", /ranks: .*full/],
    ["method.aggregation", "best", /method\.aggregation/],
    ["method.aggregation", "flora", /method: only a simulation can aggregate by flora/],
    ["method.aggregation", "local", /method: only a simulation can aggregate by local/],
    ["method.serverOptimizer", { ...adam, kind: "none" }, /method\.serverOptimizer\.kind/],
    ["method.serverOptimizer", { ...adam, beta2: 1 }, /method\.serverOptimizer\.beta2/],
    ["method.serverOptimizer", { ...adam, learningRate: 0 }, /serverOptimizer\.learningRate/],
    ["method.serverOptimizer", { kind: "adam" }, /method\.serverOptimizer/],
    [
      "method",
      { ...good.method, aggregation: "flexlora", serverOptimizer: adam },
      /method: .*server optimizer adam with aggregation flexlora/,
    ],
    [
      "method",
      { ...good.method, aggregation: "flexlora", factors: "b" },
      /method: .*flexlora with factors b/,
    ],
    [
      "method",
      { ...good.method, aggregation: "flexlora", rankBy: "client" },
      /method: .*flexlora with ranking by client/,
    ],
    ["method", { ...good.method, method: "head", factors: "b" }, /method: .*head with factors b/],
    ["ranks", { kind: "fixed", ranks: [1, 2] }, /expected one for each of 3 seats, got 2/],
    ["ranks", { kind: "auto", tiers: [2, 1] }, /ranks\.tiers: expected ascending ranks/],
    ["ranks", { kind: "auto", tiers: [] }, /ranks\.tiers/],
    ["participation.perRound", 4, /participation\.perRound: expected at most 3, the seats, got 4/],
    ["participation.quorum", 9, /participation\.quorum: expected at most 3/],
    ["participation.start", 2, /participation\.start: expected at least 3, the quorum, got 2/],
    ["participation.start", 4, /participation\.start: expected at most 3, the seats/],
    ["participation.overSelection", 0.5, /overSelection/],
    ["participation.deadlineSeconds", 0.9, /deadlineSeconds/],
    ["limits.maxNorm", 1e31, /limits\.maxNorm/],
    ["limits.maxSamples", 0, /limits\.maxSamples/],
    ["training", {}, /training\.localSteps/],
    ["extra", 1, /extra/],
  ];
  for (const [path, value, expected] of faults) {
    assert.match(complaint(withValue(path, value)), expected, `${path} = ${JSON.stringify(value)}`);
  }
  const template = "0c".repeat(32);
  const lm = tinyLanguageManifest();
  const model = { ...lm.model, chatTemplate: template };
  const chat = tinyLanguageManifest({ task: "chat", model });
  for (const manifest of [lm, chat]) assert.deepEqual(checkManifest(manifest), manifest);
  const ofLanguage: [from: RunManifest, path: string, value: unknown, complaint: RegExp][] = [
    [good, "task", "lm", /task: expected none in a manifest of kind "hafl-manifest-1", got "lm"/],
    [lm, "task", "classify", /task/],
    [lm, "task", undefined, /task/],
    [lm, "labels", ["a", "b"], /labels: expected none under a language model, got 2/],
    [lm, "layout.head", good.layout.head, /layout\.head: expected none of a language model, got 2/],
    [lm, "method.method", "head", /method\.method: expected one that trains LoRA/],
    [lm, "model.chatTemplate", template, /model\.chatTemplate: expected none/],
    [chat, "model.chatTemplate", undefined, /model\.chatTemplate/],
    [chat, "model.chatTemplate", "{{ x }}", /model\.chatTemplate/],
  ];
  for (const [from, path, value, expected] of ofLanguage) {
    const changed = JSON.parse(JSON.stringify(withValue(path, value, from)));
    assert.match(complaint(changed), expected, `${path} = ${JSON.stringify(value)}`);
  }
  assert.match(complaint(null), /the manifest/);
  assert.match(complaint([]), /the manifest/);
});
