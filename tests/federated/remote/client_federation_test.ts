/** A client of a run: what it computes with, and what it refuses. */

import assert from "node:assert/strict";
import { requireLabelled } from "../../../src/federated/device_batches.ts";
import type { RunConfig } from "../../../src/federated/run_config.ts";
import { prepareFederation } from "../../../src/federated/prepare.ts";
import {
  clientFederation,
  type ClientSources,
} from "../../../src/federated/remote/client_federation.ts";
import { baseDtypes } from "../../../src/lora/adapted_model.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { memoryFiles } from "../../weights/memory_files.ts";
import { assertBanksOfSimulation } from "./banks_of_simulation.ts";
import {
  config,
  createLetters,
  data,
  files,
  manifestOf,
  modelContents,
} from "./manifest_support.ts";

function join(manifest: RunManifest, changes: Partial<ClientSources> = {}) {
  return clientFederation({ manifest, files, createTokenizer: createLetters, ...changes });
}

const variants: readonly Partial<RunConfig>[] = [
  ...baseDtypes.map((baseDtype) => ({ baseDtype })),
  { factors: "b" },
  { method: "head" },
  { proximal: 0.5 },
  { serverOptimizer: "momentum", serverLr: 0.5 },
  { serverOptimizer: "adam", serverLr: 0.01 },
];

for (const variant of variants) {
  const name = Object.entries(variant).flat().join(" ");
  Deno.test(`clientFederation() of every client gives the banks of the simulation by ${name}, byte for byte`, async () => {
    const own = { ...config, ...variant };
    await assertBanksOfSimulation({ config: own, files, data, createTokenizer: createLetters });
  });
}

Deno.test("clientFederation() has the simulation's settings", async () => {
  const { manifest } = await manifestOf();
  const sources = { config, files, data, createTokenizer: createLetters };
  const { federation } = await prepareFederation(sources);
  const own = await join(manifest);
  assert.deepEqual(own.local, federation.local);
  assert.deepEqual(own.sizes, federation.sizes);
  assert.deepEqual(own.selection, federation.server.selection);
  assert.equal(own.local.schedule.totalSteps, 6, "local steps of all rounds");
  const held = await own.tokenize(data);
  assert.deepEqual(held.validation, federation.validation);
  assert.deepEqual(held.test, federation.test);
});

Deno.test("clientFederation() numbers labels by the manifest, not by the client's data", async () => {
  const { manifest } = await manifestOf({ labels: ["other", "low", "high"] });
  const own = await join(manifest);
  const train = data.train.filter(({ label }) => label === "high");
  const { train: rows } = await own.tokenize({ ...data, labels: ["high"], train });
  assert.deepEqual(new Set(requireLabelled(rows).map(({ label }) => label)), new Set([2]));
});

Deno.test("clientFederation() takes what later versions added from the manifest, and what was before where that says nothing", async () => {
  const later = { accumulate: 3, lrByRank: "root" } as const;
  const plain = await manifestOf();
  const before = (await join(plain.manifest)).local;
  assert.deepEqual([before.accumulate, before.lrByRank], [1, "equal"]);
  for (const key of Object.keys(later)) {
    assert.ok(!(key in plain.manifest.training), "as earlier versions wrote it");
  }
  const { manifest } = await manifestOf({ config: { ...config, ...later } });
  const { accumulate, lrByRank } = (await join(manifest)).local;
  assert.deepEqual({ accumulate, lrByRank }, later);
});

Deno.test("clientFederation() refuses another model, tokenizer or label", async () => {
  const { manifest } = await manifestOf({ modelName: "org/tiny" });
  const refused = (attempt: Promise<unknown>, message: RegExp) =>
    assert.rejects(attempt, (error: Error) => {
      assert.ok(error instanceof UserError, error.stack);
      assert.match(error.message, message);
      return true;
    });
  const other = "0".repeat(64);
  const configJson = `${modelContents["config.json"]}\n`;
  await refused(
    join(manifest, { files: memoryFiles({ ...modelContents, "config.json": configJson }) }),
    /^Cannot join "news": the run was made for model "org\/tiny" \([0-9a-f]{16}\), "tiny" holds another \([0-9a-f]{16}\); use --model org\/tiny, or --model server$/,
  );
  await refused(
    join({ ...manifest, model: { ...manifest.model, hash: other, name: "built-in base" } }),
    /; leave out --model, or --model server$/,
  );
  await refused(
    join({ ...manifest, model: { ...manifest.model, hash: other, revision: "v2" } }),
    /; use --model org\/tiny --revision v2, or --model server$/,
  );
  await refused(
    join(manifest, { files: memoryFiles({ ...modelContents, "tokenizer_config.json": "{}" }) }),
    /^Cannot join "news": the run was made with the tokenizer of "org\/tiny" \([0-9a-f]{16}\), "tiny" holds another \([0-9a-f]{16}\); /,
  );
  const own = await join(manifest);
  const [first, ...rest] = data.validation;
  const validation = [{ ...first, id: "17", label: "middle" }, ...rest];
  await refused(
    own.tokenize({ ...data, validation }),
    /^Cannot use row "17" of "letters.jsonl": expected one of the 2 labels of "news", got "middle"$/,
  );
});

Deno.test("clientFederation() checks the manifest's settings as a file's, and takes no others", async () => {
  const { manifest } = await manifestOf();
  const refused = (changes: Record<string, unknown>, message: RegExp) =>
    assert.rejects(
      join({ ...manifest, ...changes } as RunManifest),
      (error: Error) => error instanceof UserError && message.test(error.message),
      String(message),
    );
  const training = (changes: Record<string, unknown>) => ({
    training: { ...manifest.training, ...changes },
  });
  await refused(
    training({ lr: -1 }),
    /^Cannot use "lr" in the manifest of "news": expected a number above 0, got -1$/,
  );
  await refused(training({ seqLen: 400, buckets: [400] }), /^Cannot use --seq-len 400: expected/);
  await refused(
    training({ cacheDir: "/" }),
    /^Cannot use the manifest of "news": it has the setting "cacheDir", which/,
  );
  const { lr: _, ...less } = manifest.training;
  await refused(
    { training: less },
    /^Cannot use the manifest of "news": it lacks the setting "lr"; /,
  );
  await refused({ rounds: 0 }, /^Cannot use "rounds" in the manifest of "news": /);
  await refused(
    { kind: "hafl-manifest-9" },
    /the server is of another version \(its manifest is "hafl-manifest-9", expected/,
  );
  const modules = manifest.layout.modules.slice(1);
  await refused(
    { layout: { ...manifest.layout, modules } },
    /^Cannot join "news": it adapts 7 modules at rank 4, this version 8 that are not the same; /,
  );
});
