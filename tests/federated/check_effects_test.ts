import assert from "node:assert/strict";
import { checkEffects } from "../../src/federated/check_effects.ts";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import type { RunConfig } from "../../src/federated/run_config.ts";
import { settingKeys, settings } from "../../src/federated/settings.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { methodNamed, namedMethods } from "../../src/protocol/methods/mod.ts";

const check = (given: Partial<RunConfig>) => checkEffects(given, completeRunConfig(given));

Deno.test("checkEffects() refuses what is given in vain, naming both, also where it is the default", () => {
  const flora = methodNamed("flora")!.settings;
  const expected: [Partial<RunConfig>, string][] = [
    [{ temperature: 1 }, "--temperature with --selection greedy"],
    [{ serverLr: 1 }, "--server-lr with --server-optimizer none"],
    [{ serverBeta1: 0.9 }, "--server-beta1 with --server-optimizer none"],
    [
      { serverBeta2: 0.9, serverOptimizer: "momentum" },
      "--server-beta2 with --server-optimizer momentum",
    ],
    [{ serverEpsilon: 1 }, "--server-epsilon with --server-optimizer none"],
    [{ shardsPerClient: 2 }, "--shards-per-client with --partition dirichlet"],
    [{ partition: "iid", dirichletAlpha: 1 }, "--dirichlet-alpha with --partition iid"],
    [{ optimizer: "sgd", adamBeta1: 0.9 }, "--adam-beta1 with --optimizer sgd"],
    [{ optimizer: "sgd", adamBeta2: 0.9 }, "--adam-beta2 with --optimizer sgd"],
    [{ optimizer: "sgd", adamEps: 1 }, "--adam-eps with --optimizer sgd"],
    [{ score: "magnitude", beta1: 0.9 }, "--beta1 with --score magnitude"],
    [{ score: "random", beta2: 0.9 }, "--beta2 with --score random"],
    [{ score: "smoothed", beta2: 0.9 }, "--beta2 with --score smoothed"],
    [{ method: "head", rankBy: "client" }, "--rank-by with --method head"],
    [{ method: "head", factors: "both" }, "--factors with --method head"],
    [{ method: "head", selection: "random" }, "--selection with --method head"],
    [{ method: "head", lr: 1 }, "--lr with --method head"],
    [{ method: "full", ranks: [8], scope: "global" }, "--scope with --method full"],
    [{ pooled: true, dropouts: 0.1 }, "--dropouts with --pooled"],
    [{ packing: false }, "--no-packing with --task classify"],
    [{ packing: true }, "--packing with --task classify"],
    [{ ...flora, adapterLayout: "compact" }, "--adapter-layout with --aggregation flora"],
  ];
  for (const [given, text] of expected) {
    assert.throws(() => check(given), (error) => {
      assert.ok(error instanceof UserError);
      assert.ok(
        error.message.startsWith(`Cannot use ${text}: it has no effect there`),
        error.message,
      );
      return true;
    });
  }
});

Deno.test("checkEffects() takes what has an effect, every method by its name, and complete records", () => {
  check({ selection: "sampled", temperature: 2, serverOptimizer: "adam", serverBeta2: 0.9 });
  check({ partition: "shards", shardsPerClient: 3, optimizer: "adamw", adamBeta1: 0.8 });
  for (const { settings } of namedMethods) check({ ...settings, ranks: [8] });
  const record = completeRunConfig({ optimizer: "sgd", partition: "iid" });
  assert.ok(settingKeys.every((key) => key in record));
  checkEffects(record, record);
});

Deno.test("settings have an effect on conditions that other settings can meet", () => {
  for (const key of settingKeys) {
    for (const [other, needed] of Object.entries(settings[key].only ?? {})) {
      const { check } = settings[other as keyof RunConfig].kind;
      for (const value of needed) assert.notEqual(check(value), undefined, `${key}: ${other}`);
      assert.notEqual(other, key);
    }
  }
});
