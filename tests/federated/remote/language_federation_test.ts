/** Clients of a run that trains a language model: what they compute, and what they refuse. */

import assert from "node:assert/strict";
import { loadData } from "../../../src/data/load.ts";
import type { LabelledData } from "../../../src/data/types.ts";
import { clientFederation } from "../../../src/federated/remote/client_federation.ts";
import type { RunConfig } from "../../../src/federated/run_config.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { languageTasks } from "../../../src/protocol/task.ts";
import { memoryFiles } from "../../weights/memory_files.ts";
import { assertBanksOfSimulation } from "./banks_of_simulation.ts";
import {
  createChatty,
  dataOf,
  decoderContents,
  decoderFiles,
  languageConfig,
  languageManifest,
  talks,
  texts,
} from "./language_support.ts";
import { files as classifierFiles, manifestOf } from "./manifest_support.ts";

const variants: readonly (readonly ["lm" | "chat", Partial<RunConfig>])[] = [
  ["lm", {}],
  ["lm", { packing: false }],
  ["lm", { factors: "b", accumulate: 2 }],
  ["lm", { serverOptimizer: "adam", serverLr: 0.01 }],
  ["chat", {}],
  ["chat", { baseDtype: "int8", proximal: 0.5 }],
];

for (const [task, variant] of variants) {
  const name = [task, ...Object.entries(variant).flat()].join(" ");
  Deno.test(`clientFederation() of every client gives the banks of the simulation by ${name}, byte for byte`, () =>
    assertBanksOfSimulation({
      config: languageConfig(task, variant),
      files: decoderFiles,
      data: dataOf[task],
      createTokenizer: createChatty,
    }));
}

async function refused(attempt: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(attempt, (error: Error) => {
    assert.ok(error instanceof UserError, error.stack);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

function join(manifest: RunManifest, files = decoderFiles) {
  return clientFederation({ manifest, files, createTokenizer: createChatty });
}

Deno.test("createManifest() of a language model has its task, no labels and no head", async () => {
  for (const task of languageTasks) {
    const { manifest, bank } = await languageManifest(task);
    assert.deepEqual(
      [manifest.kind, manifest.task, manifest.labels, manifest.layout.head, bank.head],
      ["hafl-manifest-2", task, [], [], []],
    );
    assert.equal(manifest.training.packing, true);
    assert.deepEqual([manifest.training.seqLen, manifest.training.buckets], [12, [12]]);
    const { config } = await join(JSON.parse(JSON.stringify(manifest)));
    assert.deepEqual([config.task, config.packing, config.textColumn], [
      task,
      true,
      task === "chat" ? "messages" : "text",
    ]);
  }
  const plain = await languageManifest("lm", { config: languageConfig("lm", { packing: false }) });
  assert.equal((await join(plain.manifest)).config.packing, false);
});

Deno.test("createManifest() of a classifier is as earlier versions wrote it", async () => {
  const { manifest } = await manifestOf();
  assert.equal(manifest.kind, "hafl-manifest-1");
  assert.ok(!("task" in manifest) && !("packing" in manifest.training));
  assert.ok(!("chatTemplate" in manifest.model));
});

Deno.test("createManifest() refuses a model that cannot be trained for the task", async () => {
  const without = (...names: string[]) =>
    memoryFiles(
      Object.fromEntries(Object.entries(decoderContents).filter(([name]) => !names.includes(name))),
    );
  await refused(
    languageManifest("chat", { files: without("chat_template.jinja") }),
    /^Cannot use --task chat: the tokenizer "tokenizer" has no chat template; expected chat_temp/,
  );
  await refused(
    languageManifest("lm", { files: without("tokenizer_config.json") }),
    /^Cannot use --task lm: the tokenizer "tokenizer" has no token that ends a text; expected "eos/,
  );
  await refused(
    languageManifest("lm", { labels: ["a", "b"] }),
    /^Cannot use "labels" in the manifest of "news": expected none under a language model, got 2$/,
  );
});

Deno.test("clientFederation() refuses a model of another chat template, or without one", async () => {
  const { manifest } = await languageManifest("chat", { modelName: "org/tiny" });
  const { "chat_template.jinja": _, ...less } = decoderContents;
  const made =
    /^Cannot join "news": the run was made with the chat template of "org\/tiny" \(\w{16}\), "tiny" /;
  await refused(join(manifest, memoryFiles(less)), made);
  await refused(
    join(manifest, memoryFiles(less)),
    / has none; use --model org\/tiny, or --model s/,
  );
  const other = { ...less, "chat_template.jinja": "otherwise" };
  await refused(join(manifest, memoryFiles(other)), made);
  await refused(join(manifest, memoryFiles(other)), / holds another \(\w{16}\); use --model org/);
  // Where no conversation is read, a template does not matter.
  await join((await languageManifest("lm")).manifest, memoryFiles(less));
});

Deno.test("clientFederation() refuses a classifier's model for a language model's run, and settings that it lacks", async () => {
  const { manifest } = await languageManifest("lm");
  await refused(join(manifest, classifierFiles), /^Cannot join "news": the run was made for model/);
  const { packing: _, ...training } = manifest.training;
  await refused(
    join({ ...manifest, training: { ...training, localSteps: 2 } }),
    /^Cannot use the manifest of "news": it lacks the setting "packing"; it was made by another ver/,
  );
});

Deno.test("clientFederation() refuses rows in which nothing is predicted", async () => {
  const one = (text: string, part: "train" | "validation"): LabelledData => ({
    ...(text.startsWith("[") ? talks : texts),
    train: [],
    validation: [],
    test: [],
    [part]: [{ id: "1", text, label: "" }],
  });
  const long = JSON.stringify([{ role: "user", content: "abcdefghijklmn" }, {
    role: "assistant",
    content: "yes",
  }]);
  const lm = await join((await languageManifest("lm")).manifest);
  const chat = await join((await languageManifest("chat")).manifest);
  for (const part of ["train", "validation"] as const) {
    await refused(
      chat.tokenize(one(long, part)),
      /^Cannot use "talks.jsonl": its rows have no token to predict within 12 tokens, the length of/,
    );
    await refused(lm.tokenize(one("", part)), /^Cannot use "texts.jsonl": its rows have no token/);
  }
  const unlabelled = await loadData({
    name: "texts.jsonl",
    bytes: new TextEncoder().encode('{"text":"abc"}\n'),
    labelUse: "nothing",
    testShare: 0,
    validationShare: 0,
    seed: 1,
  });
  assert.equal((await lm.tokenize(unlabelled)).train.length, 1, "no label is asked for");
});
