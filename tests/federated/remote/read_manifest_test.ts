import assert from "node:assert/strict";
import { readManifest } from "../../../src/federated/remote/read_manifest.ts";
import { manifestConfig } from "../../../src/federated/remote/training_settings.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { languageManifest } from "./language_support.ts";
import { config, manifestOf } from "./manifest_support.ts";

const { manifest } = await manifestOf();

/** The manifest with one value replaced, by a path of keys parted by dots. */
function withValue(path: string, value: unknown, from: RunManifest = manifest): RunManifest {
  const copy = structuredClone(from);
  const keys = path.split(".");
  const last = keys.pop()!;
  // deno-lint-ignore no-explicit-any -- a path leads anywhere
  let part: any = copy;
  for (const key of keys) part = part[key];
  part[last] = value;
  return copy;
}

function complaint(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof UserError, `${error}`);
    return error.message;
  }
  return "none";
}

Deno.test("readManifest() hands on a manifest as it is", () => {
  const sent = JSON.parse(JSON.stringify(manifest));
  assert.equal(readManifest(sent), sent);
  for (const ranks of [{ kind: "stated" }, { kind: "auto", tiers: [1, 2] }]) {
    readManifest({ ...sent, ranks });
  }
});

Deno.test("readManifest() names what is no manifest, and one of another version", () => {
  for (const value of [null, 3, [], {}, { kind: "hafl-manifest-9" }, { kind: "x".repeat(1e6) }]) {
    const message = complaint(() => readManifest(value));
    assert.match(message, /^Cannot join the run: the server is of another version \(its manifest/);
    assert.ok(message.length < 250, message);
  }
});

Deno.test("readManifest() names the part that is not as it should be", () => {
  const module = manifest.layout.modules[0];
  const faults: [path: string, value: unknown, complaint: RegExp][] = [
    [
      "name",
      "two\nlines",
      /^Cannot use "name" in the manifest of the run: expected a line of text/,
    ],
    ["model", undefined, /"model\.name" in the manifest of "news": expected .*, got nothing$/],
    ["model.revision", 3, /"model\.revision"/],
    [
      "model.hash",
      "../../x",
      /"model\.hash" .*: expected 64 hexadecimal digits, got "\.\.\/\.\.\/x"/,
    ],
    ["model.tokenizer", "", /"model\.tokenizer"/],
    ["labels", "low", /"labels"/],
    ["labels", ["low", 3], /"labels"/],
    ["layout", 3, /"layout\.rank"/],
    ["layout.modules", [{ ...module, inFeatures: -1 }], /"layout\.modules"/],
    ["layout.head", [{ name: "score.weight", shape: [2, 0.5] }], /"layout\.head"/],
    ["method", [], /"method"/],
    ["ranks", { kind: "fixed", ranks: [1, 2] }, /"ranks" .*one for each of 3 seats, got 2$/],
    ["ranks", { kind: "fixed", ranks: 3 }, /"ranks"/],
    ["ranks", { kind: "auto", tiers: ["8"] }, /"ranks"/],
    ["ranks", null, /"ranks"/],
    ["training", null, /"training"/],
  ];
  for (const [path, value, expected] of faults) {
    const message = complaint(() => readManifest(withValue(path, value)));
    assert.match(message, expected, `${path} = ${JSON.stringify(value)}`);
  }
});

Deno.test("readManifest() refuses what does not fit the task", async () => {
  const [lm, chat] = [await languageManifest("lm"), await languageManifest("chat")]
    .map(({ manifest }) => manifest);
  for (const sent of [lm, chat]) assert.equal(readManifest(sent), sent);
  const { chatTemplate } = chat.model;
  const head = [{ name: "score.weight", shape: [2, 8] }];
  const faults: [from: RunManifest, path: string, value: unknown, complaint: RegExp][] = [
    [manifest, "task", "lm", /"task" .*: expected none in a manifest of kind "hafl-manifest-1", g/],
    [manifest, "labels", ["one"], /"labels" .*: expected at least 2, got 1$/],
    [manifest, "model.chatTemplate", chatTemplate, /"model\.chatTemplate" .*: expected none where/],
    [lm, "task", undefined, /"task" .*: expected lm or chat, got nothing$/],
    [lm, "task", "classify", /"task" .*: expected lm or chat, got "classify"$/],
    [lm, "kind", manifest.kind, /"task" .*: expected none in a manifest of kind "hafl-manifest-1"/],
    [lm, "labels", ["a", "b"], /"labels" .*: expected none under a language model, got 2$/],
    [lm, "layout.head", head, /"layout\.head" .*: expected none of a language model, got 1$/],
    [lm, "method.method", "head", /"method\.method" .*: expected one that trains LoRA/],
    [lm, "model.chatTemplate", chatTemplate, /"model\.chatTemplate" .*: expected none where/],
    [chat, "model.chatTemplate", undefined, /expected 64 hexadecimal digits, got nothing$/],
    [chat, "model.chatTemplate", "{{ x }}", /expected 64 hexadecimal digits, got "{{ x }}"$/],
  ];
  for (const [from, path, value, expected] of faults) {
    const message = complaint(() => readManifest(withValue(path, value, from)));
    assert.match(message, expected, `${path} = ${JSON.stringify(value)}`);
  }
});

Deno.test("manifestConfig() takes a language model's settings of a language model alone", async () => {
  const training = { ...manifest.training, packing: true };
  assert.match(
    complaint(() => manifestConfig(withValue("training", training))),
    /has the setting "packing", which this version does not know/,
  );
  const { manifest: lm } = await languageManifest("lm");
  assert.match(
    complaint(() => manifestConfig(withValue("training.packing", "yes", lm))),
    /^Cannot use "packing" in the manifest of "news": expected /,
  );
});

Deno.test("readManifest() refuses sizes that no run needs, before anything is made of them", () => {
  const module = manifest.layout.modules[0];
  const listed = new Array(100_001);
  const faults: [path: string, value: unknown, complaint: RegExp][] = [
    [
      "layout.rank",
      1e9,
      /"layout\.rank" .*: expected a whole number of 1 to 4096, got 1000000000$/,
    ],
    ["rounds", 1e15, /"rounds"/],
    ["participation.seats", 1e9, /"participation\.seats"/],
    ["labels", listed.fill("x"), /"labels" .*: expected at most 100000 lines of text, got \["x",/],
    [
      "layout.modules",
      [{ ...module, inFeatures: 1e12 }],
      /"layout" .*: expected at most 268435456/,
    ],
    ["layout.head", [{ name: "score.weight", shape: [1e9, 1e9] }], /"layout" .* numbers in all/],
    ["ranks", { kind: "auto", tiers: [1e9] }, /"ranks"/],
  ];
  for (const [path, value, expected] of faults) {
    const message = complaint(() => readManifest(withValue(path, value)));
    assert.match(message, expected, path);
    assert.ok(message.length < 250, message);
  }
});

Deno.test("manifestConfig() refuses steps, batches and programs that no run needs", () => {
  const faults: [path: string, value: unknown, complaint: RegExp][] = [
    [
      "training.batch",
      1e9,
      /^Cannot use "batch" in the manifest of "news": expected at most 65536, got 1000000000$/,
    ],
    ["training.evalBatch", 1e9, /"evalBatch" .*at most 65536/],
    ["training.localSteps", 1e9, /"localSteps" .*at most 1000000/],
    ["training.buckets", new Array(1e6).fill(8), /"buckets" .*: expected at most 64, got 1000000$/],
    [
      "training.buckets",
      [4, 1e9],
      /--buckets 4,1000000000: expected the longest to be --seq-len 8/,
    ],
  ];
  for (const [path, value, expected] of faults) {
    const message = complaint(() => manifestConfig(withValue(path, value)));
    assert.match(message, expected, path);
  }
});

Deno.test("manifestConfig() takes the method's settings from the method, and no others", () => {
  const method = { ...manifest.method, cacheDir: "/", threads: 200, batch: 7, method: "truncate" };
  const smuggled = manifestConfig(withValue("method", method));
  const { cacheDir, threads, batch } = manifestConfig(manifest);
  assert.deepEqual([smuggled.cacheDir, smuggled.threads, smuggled.batch], [
    cacheDir,
    threads,
    batch,
  ]);
  assert.equal(smuggled.method, "truncate");
});

Deno.test("createManifest() makes no manifest that clients would refuse", async () => {
  await assert.rejects(
    manifestOf({ config: { ...config, batch: 100_000 } }),
    /"batch" .*at most 65536/,
  );
  await assert.rejects(manifestOf({ name: "two\nlines" }), /"name" .*: expected a line of text/);
});
