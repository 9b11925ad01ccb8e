/** What the parties of a run agree on, and that a run by it is the simulation's run. */

import assert from "node:assert/strict";
import { prepareFederation } from "../../../src/federated/prepare.ts";
import { initialBank } from "../../../src/federated/federation.ts";
import type { ManifestSources } from "../../../src/federated/remote/manifest.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { sha256Hex } from "../../../src/protocol/hash.ts";
import type { RanksPolicy } from "../../../src/protocol/manifest.ts";
import { honestNormBound } from "../../../src/protocol/update_norm.ts";
import { modelHash } from "../../../src/weights/mod.ts";
import { config, createLetters, data, everyone, files, manifestOf } from "./manifest_support.ts";

Deno.test("createManifest() starts from the bank of a simulation with the same settings", async () => {
  const { bank } = await manifestOf();
  const { federation } = await prepareFederation({
    config,
    files,
    data,
    createTokenizer: createLetters,
  });
  assert.deepEqual(encodeBank(bank), encodeBank(initialBank(federation)));
  const other = await manifestOf({ config: { ...config, seed: 2 } });
  assert.notDeepEqual(encodeBank(other.bank), encodeBank(bank));
});

Deno.test("createManifest() says what the parties must agree on, as JSON", async () => {
  const { manifest, bank } = await manifestOf({ modelName: "tiny llama" });
  assert.deepEqual(JSON.parse(JSON.stringify(manifest)), manifest);
  assert.deepEqual(manifest.model, {
    name: "tiny llama",
    revision: null,
    hash: await modelHash(files),
    // SHA-256 of both files' JSON, a line break between.
    tokenizer: await sha256Hex(
      new TextEncoder().encode('{"model":{"vocab":{"<pad>":3}}}\n{"pad_token":"<pad>"}'),
    ),
  });
  assert.equal(manifest.name, "news");
  assert.deepEqual(manifest.labels, ["high", "low"]);
  assert.equal(manifest.layout.rank, 4);
  assert.deepEqual(manifest.layout.modules[0], {
    name: "model.layers.0.self_attn.q_proj",
    inFeatures: bank.modules[0].inFeatures,
    outFeatures: bank.modules[0].outFeatures,
  });
  assert.deepEqual(
    manifest.layout.head,
    bank.head.map(({ name, shape }) => ({ name, shape })),
    "shapes, and not how the head is drawn",
  );
  assert.deepEqual(manifest.method, {
    method: "freeze",
    factors: "both",
    aggregation: "adaptive",
    selection: "greedy",
    temperature: 1,
    rankBy: "server",
    scope: "module",
    warmupRounds: 1,
  });
  assert.deepEqual([manifest.rounds, manifest.seed, manifest.alpha], [3, 1, 16]);
  assert.deepEqual(manifest.training.buckets, [4, 8]);
  assert.equal(manifest.training.localSteps, 2);
  for (const key of ["data", "out", "cacheDir", "device", "threads", "model"]) {
    assert.ok(!Object.hasOwn(manifest.training, key), `${key} is no business of the other parties`);
  }
});

Deno.test("createManifest() bounds updates by what honest training can reach, unless told", async () => {
  const { manifest, bank } = await manifestOf();
  assert.equal(manifest.limits.maxNorm, honestNormBound(config, bank));
  assert.equal(manifest.limits.maxSamples, 1_000_000);
  const told = await manifestOf({ limits: { maxNorm: 3, maxSamples: 40 } });
  assert.deepEqual(told.manifest.limits, { maxNorm: 3, maxSamples: 40 });
  const free = await manifestOf({ config: { ...config, optimizer: "sgd", clipNorm: 0 } });
  const { limits } = JSON.parse(JSON.stringify(free.manifest));
  assert.equal(limits.maxNorm, 1e30, "a bound that JSON can carry");
});

Deno.test("createManifest() bounds updates by the smallest rank that a client can have", async () => {
  // Steps of SGD are bounded whole, and under rates by rank longest at rank 1.
  const sgd = { ...config, optimizer: "sgd", lrByRank: "root" } as const;
  const boundOf = async (ranks: RanksPolicy, setting: readonly number[]) =>
    (await manifestOf({ config: { ...sgd, ranks: setting }, ranks })).manifest.limits.maxNorm;
  const fixed = await boundOf({ kind: "fixed", ranks: [1, 2, 4] }, [1, 2, 4]);
  // The settings that `run create` makes of --ranks auto:1,2,4 and --ranks stated.
  assert.equal(await boundOf({ kind: "auto", tiers: [1, 2, 4] }, [4]), fixed);
  assert.equal(await boundOf({ kind: "stated" }, [4]), fixed);
  assert.ok(await boundOf({ kind: "auto", tiers: [4] }, [4]) < fixed);
});

Deno.test("createManifest() refuses what cannot be carried out", async () => {
  const refused = async (changes: Partial<ManifestSources>, message: string) => {
    await assert.rejects(manifestOf(changes), (error: Error) => {
      assert.ok(error instanceof UserError, error.stack);
      assert.equal(error.message, message);
      return true;
    });
  };
  const participation = (changes: Partial<typeof everyone>) => ({
    participation: { ...everyone, ...changes },
  });
  await refused(
    participation({ quorum: 4 }),
    "Cannot use --quorum 4: expected a whole number of 1 to 3, the updates a round aims for",
  );
  await refused(
    participation({ perRound: 4 }),
    "Cannot use --per-round 4: expected a whole number of 1 to 3, the seats",
  );
  await refused(
    participation({ start: 2 }),
    "Cannot use --start 2: expected a whole number of 3 to 3, from the quorum to the seats",
  );
  await refused(
    participation({ overSelection: 0.9 }),
    "Cannot use --over-selection 0.9: expected a number of at least 1",
  );
  await refused(
    participation({ deadlineSeconds: 0 }),
    "Cannot use --deadline 0: expected a time above 0",
  );
  await refused(
    { ranks: { kind: "fixed", ranks: [1, 2] } },
    "Cannot use fixed ranks: expected one for each of 3 seats, got 2",
  );
  await refused(
    { ranks: { kind: "fixed", ranks: [1, 2, 5] } },
    "Cannot give a client rank 5: expected a whole number of 1 to the server's rank, 4",
  );
  await refused(
    { ranks: { kind: "auto", tiers: [2, 8] } },
    "Cannot give a client rank 8: expected a whole number of 1 to the server's rank, 4",
  );
  await refused(
    { config: { ...config, stragglers: 0.2 } },
    "Cannot use --stragglers 0.2 in a run over HTTP: only a simulation can do that",
  );
  for (const aggregation of ["flora", "local"] as const) {
    await refused(
      { config: { ...config, aggregation } },
      `Cannot use --aggregation ${aggregation} in a run over HTTP: only a simulation can do that`,
    );
  }
  await refused(
    { ranks: { kind: "auto", tiers: [2, 4] }, config: { ...config, method: "full" } },
    "Cannot use distribution full: expected every client at the server's rank 4, got 2",
  );
  await refused(
    { ranks: { kind: "stated" }, config: { ...config, aggregation: "fedit" } },
    "Cannot use --ranks stated with freeze + fedit: every client needs the server's rank; use --ranks 4",
  );
  await refused(
    { labels: ["high", "low", "high"] },
    'Cannot use the label set: expected distinct labels, got "high" twice',
  );
  await refused(
    { labels: ["high"] },
    "Cannot train a classifier: expected at least 2 labels, got 1",
  );
});
