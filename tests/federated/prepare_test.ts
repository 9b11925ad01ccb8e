/** From settings, model files and texts to a federation, and what is refused on the way. */

import assert from "node:assert/strict";
import { TooManyClientsError } from "../../src/data/errors.ts";
import type { LabelledData, Sample, TextTokenizer } from "../../src/data/types.ts";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { openSession } from "../../src/federated/open_session.ts";
import { dealSamples, prepareFederation } from "../../src/federated/prepare.ts";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import type { RunConfig } from "../../src/federated/run_config.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { chooseTargets } from "../../src/federated/targets.ts";
import { readModel } from "../../src/models/mod.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { RankError } from "../../src/protocol/ranks.ts";
import { greedy, random } from "../../src/protocol/selection.ts";
import { memoryFiles } from "../weights/memory_files.ts";
import { withFederation } from "./support.ts";

const folder = new URL("../golden/llama/", import.meta.url);
const configJson = Deno.readTextFileSync(new URL("config.json", folder));
const llama = readModel(JSON.parse(configJson));
const files = memoryFiles({
  "config.json": configJson,
  "model.safetensors": Deno.readFileSync(new URL("model.safetensors", folder)),
  "tokenizer.json": JSON.stringify({ model: { vocab: { "<pad>": 3 } } }),
  "tokenizer_config.json": JSON.stringify({ pad_token: "<pad>" }),
});

/** A token for each character, by its place in the alphabet. */
const letters: TextTokenizer = {
  name: "letters",
  hash: "letters",
  padId: 3,
  encode: (text) => Uint32Array.from(text, (letter) => letter.charCodeAt(0) - 91),
};

const texts = (prefix: string, count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${prefix} ${i}`,
    text: `${prefix} ${"abcdefghij".slice(i % 7)}`.replaceAll(" ", ""),
    label: ["low", "high"][i % 2],
  }));

const data: LabelledData = {
  name: "letters",
  labels: ["high", "low"],
  train: texts("train", 12),
  validation: texts("check", 5),
  test: texts("test", 4),
};

const SMALL: Partial<RunConfig> = {
  clients: 3,
  ranks: [1, 2, 4],
  seqLen: 8,
  batch: 2,
  evalBatch: 2,
  localSteps: 2,
  rounds: 3,
  threads: 1,
};

async function prepare(changes: Partial<RunConfig> = {}, given: Partial<LabelledData> = {}) {
  return await prepareFederation({
    config: completeRunConfig({ ...SMALL, ...changes }),
    files,
    data: { ...data, ...given },
    createTokenizer: () => Promise.resolve(letters),
  });
}

/** Asserts that it is the user's mistake, and says what. */
async function refused(attempt: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(attempt, (error: Error) => {
    assert.ok(error instanceof UserError, `${error.name} is no UserError: ${error.message}`);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("prepareFederation() turns settings into a federation that runs", async () => {
  const { federation, model, modelParameters, clients, testRows } = await prepare();
  const { adapted, sizes, local, server } = federation;
  assert.equal(model.family, "llama");
  assert.ok(modelParameters > 20_000);
  assert.deepEqual(sizes.buckets, [4, 8]);
  assert.deepEqual(federation.clients.map(({ rank }) => rank), [1, 2, 4]);
  assert.equal(adapted.scale, 16 / 4, "α over the server's rank");
  assert.equal(adapted.layout.modules.length, 8);
  assert.equal(local.padId, 3);
  assert.deepEqual(local.schedule, { kind: "cosine", warmupSteps: 0, totalSteps: 6 });
  assert.equal(server.selection.selector, greedy);
  assert.deepEqual([federation.validation.length, federation.test.length, testRows], [5, 4, 4]);
  const rows = federation.clients.flatMap(({ samples }) => samples);
  assert.equal(rows.length, 12);
  assert.ok(rows.every(({ ids }) => ids.length <= 8), "texts are cut to --seq-len");
  clients.forEach(({ client, samples, labelCounts }, k) => {
    assert.equal(client, k + 1);
    assert.equal(labelCounts[0] + labelCounts[1], samples);
    assert.equal(federation.clients[k].samples.length, samples);
  });
  await withFederation(createCpuDevice({ threads: 1 }), federation, async (session) => {
    const { record } = await runRound(federation, session, await startState(federation, session));
    assert.ok(Number.isFinite(record.loss));
  });
  const session = await openSession(federation, { device: "cpu", threads: 1 });
  await session.executor.close();
});

Deno.test("prepareFederation() draws the rows to validate on alike in every run, whatever their order of labels", async () => {
  const validation = Array.from({ length: 400 }, (_, i) => ({
    ...data.validation[0],
    id: `drawn-${i}`,
    // In turn, so that even steps through them would meet the same ones again and again.
    label: data.labels[i % 2],
  }));
  const drawn = async (seed: number) => {
    const { federation } = await prepare({ evalPosts: 40, seed }, { validation });
    return federation.validation.map((row) => "label" in row ? row.label : undefined);
  };
  const labels = await drawn(1);
  assert.deepEqual(labels, await drawn(2));
  const ones = labels.filter((label) => label === 1).length;
  assert.ok(ones > 10 && ones < 30, `${ones} of 40 rows have the second of two labels`);
});

Deno.test("prepareFederation() tokenizes what it evaluates, and nothing when the cache has it all", async () => {
  const { federation } = await prepare({ evalTest: false, evalPosts: 2, selection: "random" });
  assert.deepEqual([federation.validation.length, federation.test.length], [2, 0]);
  assert.equal(federation.server.selection.selector, random);

  const kept = new Map<string, Uint8Array>();
  const cache = {
    get: (key: string) => Promise.resolve(kept.get(key)),
    set: (key: string, bytes: Uint8Array) => Promise.resolve(void kept.set(key, bytes)),
  };
  const config = completeRunConfig(SMALL);
  const createTokenizer = () => Promise.resolve(letters);
  const first = await prepareFederation({ config, files, data, createTokenizer, cache });
  const again = await prepareFederation({
    config,
    files,
    data,
    cache,
    createTokenizer: () => Promise.reject(new Error("the tokenizer was loaded")),
  });
  assert.deepEqual(again.federation.clients, first.federation.clients);

  // As another seed divides the rows: the same ones, in other parts and another order.
  const [moved, ...train] = data.train;
  const [taken, ...validation] = data.validation;
  const divided = {
    ...data,
    train: [...train.reverse(), taken],
    validation: [...validation, moved],
  };
  await prepareFederation({ config, files, data: divided, createTokenizer, cache });
  assert.equal(kept.size, 1);
});

Deno.test("prepareFederation() deals the ranks over the clients, or takes a list as it stands", async () => {
  const ranksOf = async (changes: Partial<RunConfig>) =>
    (await prepare(changes)).federation.clients.map(({ rank }) => rank);
  assert.deepEqual(await ranksOf({ clients: 5, ranks: [1, 2] }), [1, 1, 2, 2, 2]);
  assert.deepEqual(await ranksOf({ clients: 3, ranks: [4, 1, 1] }), [4, 1, 1]);
  const { federation } = await prepare({ rank: 8 });
  assert.equal(federation.adapted.layout.rank, 8);
  assert.equal(federation.adapted.scale, 2);
});

Deno.test("prepareFederation() stores the base as the settings say, by default as f32", async () => {
  assert.equal((await prepare()).federation.adapted.baseDtype, "f32");
  const { federation } = await prepare({ baseDtype: "f16" });
  assert.equal(federation.adapted.baseDtype, "f16");
});

Deno.test("prepareFederation() builds for a proximal term where there is one", async () => {
  for (const proximal of [0, 0.5]) {
    const { federation: { adapted, local } } = await prepare({ proximal });
    assert.deepEqual([adapted.proximal, local.optimizer.proximal], [proximal > 0, proximal]);
  }
});

Deno.test("prepareFederation() by --partition given takes each row's client", async () => {
  const train = data.train.map((sample, i) => ({ ...sample, client: [2, 0, 1, 0][i % 4] }));
  const { federation } = await prepare({ partition: "given" }, { train });
  assert.deepEqual(federation.clients.map(({ samples }) => samples.length), [6, 3, 3]);
  const config = completeRunConfig({ ...SMALL, partition: "given" });
  assert.deepEqual([...dealSamples(config, { ...data, train })[1]], [2, 6, 10]);
  await refused(
    prepare({ partition: "given" }, { train: [...train.slice(1), data.train[0]] }),
    /^Cannot use --partition given: .* got none in row "train 0"$/,
  );
  await refused(
    prepare({ partition: "given" }, { train: train.map((row) => ({ ...row, client: 3 })) }),
    /client/,
  );
});

Deno.test("prepareFederation() refuses what does not fit together", async () => {
  await refused(
    prepare({ seqLen: 41 }),
    /^Cannot use --seq-len 41: expected at most 40, the longest this model takes$/,
  );
  for (const [key, flag] of [["batch", "--batch"], ["evalBatch", "--eval-batch"]]) {
    await refused(
      prepare({ [key]: 1e9 }),
      new RegExp(`^Cannot use ${flag} 1000000000: expected at most \\d+, as .* rows of 8 tokens `),
    );
  }
  await assert.rejects(prepare({ clients: 13 }), TooManyClientsError);
  await refused(prepare({ clients: 13 }), /12 samples to 13 clients/);
  await refused(
    prepare({}, { labels: ["low"], train: data.train.filter(({ label }) => label === "low") }),
    /^Cannot train a classifier: expected at least 2 labels, got 1$/,
  );
  await refused(
    prepare({}, { validation: [] }),
    /^Cannot evaluate the rounds: expected at least one validation row, got none$/,
  );
  await assert.rejects(prepare({ method: "full", aggregation: "fedit" }), RankError);
  await refused(prepare({ targets: "no_such_module" }), /no module matches; this model has q_proj/);
  const beyond = { ...data.train[0], text: "\u{1F600}" };
  await refused(
    prepare({}, { train: [beyond, ...data.train.slice(1)] }),
    /^Cannot use this tokenizer with this model: expected token ids below 64, got \d+$/,
  );
});

Deno.test("prepareFederation() refuses a token id equal to the vocabulary, and takes the one below", async () => {
  const lastToken = (id: number) => ({
    train: [{ ...data.train[0], text: String.fromCharCode(id + 91) }, ...data.train.slice(1)],
  });
  await prepare({}, lastToken(63));
  await refused(prepare({}, lastToken(64)), /expected token ids below 64, got 64$/);
});

Deno.test("chooseTargets() takes the default, a regular expression, or ends of names", () => {
  const names = (targets: string | null) => chooseTargets(llama, targets).map(({ name }) => name);
  assert.equal(names(null).length, 8);
  assert.deepEqual(names("layers\\.1\\..*[qv]_proj$"), [
    "model.layers.1.self_attn.q_proj",
    "model.layers.1.self_attn.v_proj",
  ]);
  assert.deepEqual(names("q_proj, mlp.up_proj"), [
    "model.layers.0.self_attn.q_proj",
    "model.layers.0.mlp.up_proj",
    "model.layers.1.self_attn.q_proj",
    "model.layers.1.mlp.up_proj",
  ]);
  assert.deepEqual(names("model.layers.0.self_attn.k_proj,model.layers.1.self_attn.k_proj"), [
    "model.layers.0.self_attn.k_proj",
    "model.layers.1.self_attn.k_proj",
  ]);
  // PEFT compares whole parts: "proj" is the end of a name, not of a part.
  for (const targets of ["proj,roj", "nothing"]) {
    assert.throws(
      () => names(targets),
      (error: Error) => error instanceof UserError && /no module matches/.test(error.message),
    );
  }
});

Deno.test("chooseTargets() says so when a pattern is no regular expression", () => {
  assert.throws(
    () => chooseTargets(llama, "q_proj("),
    (error: Error) => error instanceof UserError && /q_proj\(/.test(error.message),
  );
});

/** The tiny Llama with an output layer, and a tokenizer that knows how a text ends. */
const languageModel = {
  "config.json": JSON.stringify({ ...JSON.parse(configJson), tie_word_embeddings: true }),
  "model.safetensors": Deno.readFileSync(new URL("model.safetensors", folder)),
  "tokenizer.json": JSON.stringify({ model: { vocab: { "<pad>": 3, "<end>": 5 } } }),
  "tokenizer_config.json": JSON.stringify({ pad_token: "<pad>", eos_token: "<end>" }),
};

async function prepareLanguage(
  given: Readonly<Record<string, string | Uint8Array>> = {},
  changes: Partial<RunConfig> = {},
  tokenizer = letters,
) {
  return await prepareFederation({
    config: completeRunConfig({ ...SMALL, task: "lm", data: "texts.jsonl", ...changes }),
    files: memoryFiles({ ...languageModel, ...given }),
    data: { ...data, labels: [] },
    createTokenizer: () => Promise.resolve(tokenizer),
  });
}

Deno.test("prepareFederation() of a language model packs texts, which end as the tokenizer has it", async () => {
  const { federation, clients } = await prepareLanguage();
  assert.deepEqual(federation.adapted.layout.head, []);
  assert.ok(!("labels" in federation.adapted));
  const rows = federation.clients.flatMap(({ samples }) => samples);
  const tokens = rows.flatMap((row) => {
    assert.ok("learned" in row && row.ids.length <= 8);
    return [...row.ids].filter((_, t) => row.learned[t] === 1);
  });
  const ids = data.train.flatMap(({ text }) => [...letters.encode(text).slice(1), 5]);
  assert.deepEqual(tokens.sort(), ids.sort(), "every token but a text's first is predicted");
  assert.deepEqual(clients.map(({ samples, labelCounts }) => [samples, labelCounts]), [
    ...federation.clients.map(({ samples }) => [samples.length, []]),
  ]);
  const apart = await prepareLanguage({}, { packing: false });
  const count = (prepared: typeof apart) =>
    prepared.federation.clients.reduce((sum, { samples }) => sum + samples.length, 0);
  assert.ok(count(apart) > rows.length);
});

Deno.test("prepareFederation() cuts a text of more tokens than a call takes arguments", async () => {
  const length = 300_000, { text: book } = data.train[0];
  const encode = (text: string) =>
    text === book ? new Uint32Array(length).fill(7) : letters.encode(text);
  const { federation } = await prepareLanguage({}, {}, { ...letters, encode });
  const rows = federation.clients.flatMap(({ samples }) => samples);
  const sevens = rows.reduce((sum, { ids }) => sum + ids.filter((id) => id === 7).length, 0);
  assert.ok(sevens >= length, `${sevens}`);
});

Deno.test("prepareFederation() refuses what no language model can be trained with", async () => {
  const bert = new URL("../golden/bert/", import.meta.url);
  await refused(
    prepareLanguage({
      "config.json": Deno.readTextFileSync(new URL("config.json", bert)),
      "model.safetensors": Deno.readFileSync(new URL("model.safetensors", bert)),
    }),
    /^Cannot use --task lm with a model of family "bert", an encoder: expected a decoder, .*--model$/,
  );
  await refused(
    prepareLanguage({ "tokenizer_config.json": "{}" }),
    /^Cannot use --task lm: the tokenizer "tokenizer" has no token that ends a text; expected "eos_token"/,
  );
  await refused(
    prepareLanguage({}, { task: "chat", data: "chat.jsonl" }),
    /^Cannot use --task chat: the tokenizer "tokenizer" has no chat template; expected chat_template.jinja, or "chat_template" in /,
  );
  // An output layer of its own that the checkpoint lacks.
  await refused(prepareLanguage({ "config.json": configJson }), /lm_head\.weight/);
  const silent = { ...letters, encode: () => new Uint32Array() };
  await refused(
    prepareLanguage({}, {}, silent),
    /^Cannot train on these texts: the rows of client 1 have no token to predict within 8 tokens/,
  );
});
