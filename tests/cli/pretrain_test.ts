import assert from "node:assert/strict";
import { join } from "node:path";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { readModel } from "../../src/models/mod.ts";
import { encodeCheckpoint } from "../../src/pretrain/checkpoint.ts";
import { decodeSafetensors, encodeSafetensors, toFloat32 } from "../../src/protocol/safetensors.ts";
import { openWeights, readConfig } from "../../src/weights/mod.ts";
import { requestsOf } from "../models/support.ts";
import { type Ended, root, runCli, tiny } from "./command.ts";
import {
  fixedTokens,
  jsonLines,
  tinyDocuments,
  tinyFlags,
  tokenizerConfig,
  tokenizerJson,
  writeTokenizerFolder,
} from "./pretrain/tiny_input.ts";
import { gzip } from "./pretrain/gzip.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-pretrain-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const small = await tinyFlags(folder);

const pretrain = (...args: string[]) => runCli("pretrain", args);
const path = (...parts: string[]) => join(folder, ...parts);

async function succeeds(...args: string[]): Promise<Ended> {
  const ended = await pretrain(...args);
  assert.equal(ended.code, 0, ended.err);
  return ended;
}

/** A user's mistake: one line on stderr that matches, and exit code 2. */
async function mistake(args: readonly string[], expected: RegExp): Promise<void> {
  const { code, err } = await pretrain(...args);
  assert.equal(code, 2, `${args}: ${err}`);
  assert.equal(err.trim().split("\n").length, 1, err);
  assert.match(err, expected);
}

async function bytesOf(...parts: string[]): Promise<string> {
  return (await Deno.readFile(path(...parts))).toHex();
}

/** Both results of two pretrainings, byte for byte. */
async function assertSameResults(one: string, other: string): Promise<void> {
  for (const file of ["checkpoint.safetensors", "model/model.safetensors"]) {
    assert.equal(await bytesOf(one, file), await bytesOf(other, file), file);
  }
}

async function stepsOf(run: string): Promise<number> {
  const file = await Deno.readFile(path(run, "checkpoint.safetensors"));
  return Number(decodeSafetensors(file).metadata.steps);
}

Deno.test("pretrain writes a model in Hugging Face's layout, its card, the curve and the checkpoint", async () => {
  const { out } = await succeeds(
    ...small,
    `--out=${path("whole")}`,
    "--licence=CC0 | public",
    "--evaluate-every=8",
  );
  assert.match(out, /^Tokenizing \(\d.* kB\)\nModel .* 67 tokens\n/);
  assert.match(out, /step 20\/20 .* held out \d/);

  const metrics = (await Deno.readTextFile(path("whole", "metrics.jsonl"))).trim().split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(metrics.map(({ step }) => step), [8, 16, 20]);
  assert.ok(metrics.every(({ validationLoss }) => Number.isFinite(validationLoss)));
  assert.ok(metrics[2].loss < metrics[0].loss);

  const config = JSON.parse(await Deno.readTextFile(path("whole", "model", "config.json")));
  assert.deepEqual(
    [config.model_type, config.vocab_size, config.max_position_embeddings, config.pad_token_id],
    ["bert", 67, 12, 0],
  );
  const tokenizer = JSON.parse(
    await Deno.readTextFile(path("whole", "model", "tokenizer_config.json")),
  );
  assert.deepEqual([tokenizer.model_max_length, tokenizer.mask_token], [12, "[MASK]"]);
  const card = await Deno.readTextFile(path("whole", "model", "README.md"));
  assert.match(card, /licence of the texts \| CC0 \\\| public \|/);
  assert.match(card, /20 of 4 × 12 tokens: 960 tokens/);
  assert.match(card, /\d\.\d{3} on held-out documents, masked alike each time/);
  const report = await Deno.readTextFile(path("whole", "report.html"));
  assert.doesNotMatch(report, /(src|href)="https?:/, "the report must not need a network");

  // Half precision of the weights that the checkpoint holds.
  const checkpoint = decodeSafetensors(
    await Deno.readFile(path("whole", "checkpoint.safetensors")),
  );
  const { tensors } = decodeSafetensors(
    await Deno.readFile(path("whole", "model", "model.safetensors")),
  );
  assert.equal(checkpoint.tensors.size, 2 * tensors.size);
  for (const [name, { dtype, shape, bytes }] of tensors) {
    assert.equal(dtype, "F16");
    const exact = checkpoint.tensors.get(name)!;
    assert.deepEqual(shape, exact.shape);
    toFloat32("F32", exact.bytes).forEach((value, i) =>
      assert.equal(toFloat32(dtype, bytes)[i], Math.f16round(value), name)
    );
  }
});

for (const objective of ["masked", "next"]) {
  Deno.test(`pretrain resumes to the same bytes as an uninterrupted run, with other threads (${objective})`, async () => {
    const flags = [...small, `--objective=${objective}`, "--decay-steps=3"];
    const [whole, part] = [`${objective}-whole`, `${objective}-part`];
    await Promise.all([
      succeeds(...flags, `--out=${path(whole)}`),
      succeeds(
        ...flags,
        "--steps=13",
        "--warmup-steps=1",
        "--decay-steps=0",
        `--out=${path(part)}`,
      ),
    ]);
    assert.equal(await stepsOf(part), 13);
    const continued = ["--steps=20", "--decay-steps=3", "--threads=2", "--device=cpu"];
    await succeeds(`--resume=${path(part)}`, ...continued);
    await assertSameResults(part, whole);
    const saved = JSON.parse(await Deno.readTextFile(path(part, "pretrain.json")));
    assert.deepEqual([saved.config.steps, saved.config.decaySteps], [20, 3]);
  });
}

Deno.test("pretrain --init starts from a model's weights, and refuses those of another shape", async () => {
  await succeeds(...small, "--steps=3", `--out=${path("first")}`);
  const init = `--init=${path("first", "model")}`;
  await succeeds(...small, "--steps=0", init, `--out=${path("second")}`);
  assert.equal(
    await bytesOf("second", "model/model.safetensors"),
    await bytesOf("first", "model/model.safetensors"),
  );
  await succeeds(...small, "--steps=0", "--seed=2", `--out=${path("random")}`);
  assert.notEqual(
    await bytesOf("random", "model/model.safetensors"),
    await bytesOf("first", "model/model.safetensors"),
  );
  const wide = ["--width=16", "--feed-forward=24"];
  const refused = (args: readonly string[], expected: RegExp) =>
    mistake([...small, init, `--out=${path("refused")}`, ...args], expected);
  await refused(wide, /same shape, with "bert\.\S+" \[67, 16\], got \[67, 8\]/);
  await refused(["--layers=2"], /same shape, with "bert\.encoder\.layer\.1\S+" .* got none/);
  await refused(["--objective=next"], /same shape, with "model\.\S+" .* got none/);
  await refused([`--init=${path("none")}`], /no such folder/);

  const { vocab } = tokenizerJson.model;
  const swapped = { ...vocab, fish: vocab.boat, boat: vocab.fish };
  const other = { ...tokenizerJson, model: { ...tokenizerJson.model, vocab: swapped } };
  const tokenizer = `--tokenizer=${await writeTokenizerFolder(path("swapped"), other)}`;
  await refused([tokenizer], /same tokenizer, got one with other ids/);
  await assert.rejects(Deno.stat(path("refused")), Deno.errors.NotFound);
  await refused([tokenizer, "--vocabulary=67"], /same tokenizer, got one with other ids/);
});

Deno.test("pretrain --init reads the weights of a base class, whose names lack the family's prefix", async () => {
  await succeeds(...small, "--steps=3", `--out=${path("prefixed")}`);
  const { tensors } = decodeSafetensors(
    await Deno.readFile(path("prefixed", "model/model.safetensors")),
  );
  const base = [...tensors].filter(([name]) => name.startsWith("bert."))
    .map(([name, { dtype, shape, bytes }]) => ({
      name: name.slice("bert.".length),
      shape,
      data: toFloat32(dtype, bytes),
    }));
  await Deno.mkdir(path("base-class"));
  await Deno.writeFile(path("base-class", "model.safetensors"), encodeSafetensors(base));
  const init = `--init=${path("base-class")}`;
  await succeeds(...small, "--steps=0", init, `--out=${path("from-base-class")}`);
  const started = decodeSafetensors(
    await Deno.readFile(path("from-base-class", "model/model.safetensors")),
  );
  for (const { name } of base) {
    const [one, two] = [tensors, started.tensors].map((of) => of.get(`bert.${name}`)!.bytes);
    assert.deepEqual(two, one, name);
  }
});

Deno.test("a pretrained model serves train as a base, its adapter named as ever", async () => {
  for (const objective of ["masked", "next"]) {
    const run = `base-${objective}`;
    await succeeds(
      ...small,
      "--steps=2",
      "--seq-len=16",
      `--objective=${objective}`,
      `--vocabulary=${fixedTokens + 5}`,
      `--out=${path(run)}`,
    );
    const files = folderFiles(path(run, "model"));
    const model = readModel(await readConfig(files) as Record<string, unknown>);
    assert.equal(model.vocabulary, fixedTokens + 5);
    const weights = await openWeights(files);
    const classifier = new Set(model.head(20, (name) => weights.has(name)).map(({ name }) => name));
    for (const [name, shape] of requestsOf(model, 20).weights) {
      if (!classifier.has(name)) assert.deepEqual(weights.shape(name), shape, name);
    }
    const { code, err } = await runCli("train", [
      ...tiny,
      "--rounds=1",
      `--model=${path(run, "model")}`,
      `--cache-dir=${path("cache")}`,
      `--out=${path(`${run}-run`)}`,
    ]);
    assert.equal(code, 0, err);
    const { tensors } = decodeSafetensors(
      await Deno.readFile(path(`${run}-run`, "adapter", "adapter_model.safetensors")),
    );
    const names = [...tensors.keys()].filter((name) => name.includes(".lora_A."));
    const expected = model.modules.filter(({ name }) => model.defaultTargets.test(name))
      .map(({ name }) => `base_model.model.${name}.lora_A.weight`);
    assert.deepEqual(names.sort(), expected.sort());
    assert.ok([...tensors.keys()].every((name) => !/cls\.predictions|lm_head/.test(name)));
  }
});

/** Starts a pretraining, and sends it a signal once its output matches. */
async function signalled(
  args: readonly string[],
  when: RegExp,
  signal: Deno.Signal,
): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "-A", `${root}src/cli/pretrain.ts`, ...args],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let out = "";
  let sent = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    out += text;
    if (sent || !when.test(out)) continue;
    sent = true;
    child.kill(signal);
  }
  const { code } = await child.status;
  return { code, out, err: (await errors).trim() };
}

const long = [...small, "--steps=3000", "--evaluate-every=20"];

Deno.test("pretrain ends at Ctrl-C with a checkpoint and the command that continues", async () => {
  const out = `--out=${path("stopped")}`;
  const { code, err } = await signalled([...long, out], /step +20\//, "SIGINT");
  assert.equal(code, 130, err);
  assert.equal(err, `Stopped; continue with: deno task pretrain --resume ${path("stopped")}`);
  const taken = await stepsOf("stopped");
  assert.ok(taken >= 20 && taken < 3000, `${taken}`);
  await mistake([`--resume=${path("stopped")}`, "--steps=10"], /Cannot end after 10 steps .*taken/);
  await succeeds(`--resume=${path("stopped")}`, `--steps=${taken + 5}`, "--device=cpu");
  assert.equal(await stepsOf("stopped"), taken + 5);
});

Deno.test("pretrain killed in mid-run resumes to the same bytes", async () => {
  const out = `--out=${path("killed")}`;
  const often = "--checkpoint-minutes=0.0001";
  const { code } = await signalled([...long, often, out], /step +40\//, "SIGKILL");
  assert.notEqual(code, 0);
  const taken = await stepsOf("killed");
  assert.ok(taken > 0 && taken < 3000);
  // What a killed process may leave: half a line, and a file that never got its name.
  const half = '{"step":2999,"loss":1';
  await Deno.writeTextFile(path("killed", "metrics.jsonl"), half, { append: true });
  await Deno.writeTextFile(path("killed", "checkpoint.safetensors.0.partial"), "half");
  const end = [`--steps=${taken + 30}`, "--decay-steps=10"];
  await succeeds(`--resume=${path("killed")}`, ...end, "--device=cpu");
  const warmup = `--warmup-steps=${Math.floor(3000 / 20)}`;
  await succeeds(...small, ...end, warmup, `--out=${path("unkilled")}`);
  await assertSameResults("killed", "unkilled");
  const lines = (await Deno.readTextFile(path("killed", "metrics.jsonl"))).trim().split("\n");
  const steps = lines.map((line) => JSON.parse(line).step);
  assert.deepEqual(steps, [...new Set(steps)].sort((x, y) => x - y));
  assert.equal(steps.at(-1), taken + 30);
});

Deno.test("pretrain stopped before the first step starts again in the same folder", async () => {
  const corpus = path("large.jsonl");
  await Deno.writeTextFile(corpus, jsonLines(tinyDocuments(220)).repeat(100));
  const out = path("prepared");
  const flags = [...small, "--steps=3", `--out=${out}`];
  const large = `--corpus=${corpus}`;
  const { code, err } = await signalled([...flags, large], /Tokenizing/, "SIGINT");
  assert.deepEqual([code, err], [
    130,
    "Stopped before the first step; the same command starts again",
  ]);
  await mistake([`--resume=${out}`], /no pretraining that has begun/);
  await signalled([...flags, large], /Tokenizing/, "SIGKILL");
  await succeeds(...flags);
  await mistake(flags, /already holds a pretraining: use --resume/);
});

Deno.test("pretrain refuses bad flags in one line and writes nothing", async () => {
  const out = path("never");
  const refused = (args: readonly string[], expected: RegExp) =>
    mistake([...small, `--out=${out}`, ...args], expected);
  await Promise.all([
    mistake([small[1]], /without texts: expected --corpus/),
    mistake([small[0]], /without a tokenizer: expected --tokenizer/),
    refused(["--heads=3"], /--heads 3/),
    refused(["--threads=0"], /threads/),
    refused(["--seq-len=0"], /--seq-len/),
    refused(["--layrs", "2"], /--layers/),
    refused([`--vocabulary=${fixedTokens - 1}`], /between 57 .* and 67/),
    refused(["--vocabulary=68"], /between 57 .* and 67/),
    refused(["--objective=both"], /masked, next/),
    mistake([...small, `--out=${path("tokenizer")}`], /other files/),
    mistake([...small, `--out=${path("corpus.jsonl")}`], /Cannot use folder/),
    mistake([...small, `--out=${folder}`], /would replace the tokenizer/),
  ]);
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(path(name), bytes);
  return path(name);
}

Deno.test("pretrain refuses bad texts in one line", async () => {
  const good = jsonLines(tinyDocuments(20));
  const packed = await gzip(new TextEncoder().encode(good));
  const refused = async (name: string, content: string | Uint8Array, expected: RegExp) => {
    const out = `--out=${path(`texts-${name}`)}`;
    await mistake([...small, `--corpus=${await write(name, content)}`, out], expected);
  };
  await Deno.symlink("/dev/null", path("device.txt"));
  const latin = Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0a);
  await Promise.all([
    mistake([...small, `--corpus=${path("absent.txt")}`], /absent\.txt": no such file/),
    mistake([...small, `--corpus=${folder}.txt`], /no such file/),
    refused("empty.txt", "", /empty file/),
    refused("blank.txt", "\n \n\n", /expected text, got none/),
    refused("blank.jsonl", '{"text":""}\n{"text":" "}\n', /expected text, got none/),
    refused("latin.txt", latin, /latin\.txt".*UTF-8/),
    refused("latin.txt.gz", await gzip(latin), /latin\.txt\.gz".*UTF-8/),
    refused("cut.jsonl.gz", packed.subarray(0, -20), /complete gzip/),
    refused("other.jsonl", good + '{"body":"b"}\n', /line 21 .*"text"/),
    refused("posts.csv", "text\na\n", /\.jsonl, \.jsonl\.gz, \.txt or \.txt\.gz/),
    refused("short.txt", "fish\n\n".repeat(30), /so little text: expected at least 48 tokens/),
    refused("one.txt", "fish\n".repeat(30), /got 31 and 0 in 1 document\n$/),
    mistake([...small, "--seq-len=5000", `--out=${path("long")}`], /at least 20,000 tokens/),
    mistake([...small, `${small[0]},${folder}/./corpus.jsonl`], /corpus\.jsonl" twice/),
    mistake([...small, `--corpus=${path("device.txt")}`], /can be read more than once/),
  ]);
  const left = await Array.fromAsync(Deno.readDir(path("texts-short.txt")), ({ name }) => name);
  assert.deepEqual(left, ["run.lock"]);
  await Deno.mkdir(path("folder.jsonl"));
  await mistake([...small, `--corpus=${path("folder.jsonl")}`], /expected a file, got a folder/);
});

Deno.test("pretrain refuses bad tokenizers in one line and writes nothing", async () => {
  const { mask_token: _, ...maskless } = tokenizerConfig;
  const words = { ...tokenizerJson, model: { ...tokenizerJson.model, type: "WordLevel" } };
  const refused = async (name: string, json: unknown, config: unknown, expected: RegExp) => {
    const tokenizer = await writeTokenizerFolder(path(name), json, config);
    const flags = [`--tokenizer=${tokenizer}`, "--vocabulary=60", `--out=${path("never")}`];
    await mistake([...small, ...flags], expected);
  };
  await Promise.all([
    refused("maskless", tokenizerJson, maskless, /"mask_token"/),
    refused("words", words, tokenizerConfig, /expected a WordPiece tokenizer, got WordLevel/),
    refused("modelless", { model: 3 }, tokenizerConfig, /Cannot tokenize/),
    mistake([...small, `--tokenizer=${path("absent")}`], /absent": no such folder/),
  ]);
  await assert.rejects(Deno.stat(path("never")), Deno.errors.NotFound);
});

Deno.test("pretrain --resume refuses what is damaged or does not fit, and changes nothing", async () => {
  const run = path("damaged");
  await succeeds(...small, "--steps=4", `--out=${run}`);
  const file = join(run, "checkpoint.safetensors");
  const [good, metrics] = [await Deno.readFile(file), await bytesOf("damaged", "metrics.jsonl")];
  const refused = async (args: readonly string[], expected: RegExp) => {
    await mistake([`--resume=${run}`, "--device=cpu", ...args], expected);
    assert.equal(await bytesOf("damaged", "metrics.jsonl"), metrics);
  };
  await refused(["--width=16"], /--width with --resume/);
  await refused([small[0]], /--corpus with --resume/);
  await refused(["--seed=2"], /--seed with --resume/);
  await refused([`--out=${path("never")}`], /--out with --resume/);
  await refused(["--steps=3"], /4 have been taken already/);
  await mistake([`--resume=${path("absent")}`], /no pretraining that has begun/);

  await Deno.writeFile(file, good.subarray(0, -7));
  await refused([], /checkpoint\.safetensors" is damaged/);
  await Deno.remove(file);
  await refused([], /checkpoint\.safetensors": no such file/);
  const other = packLayout([], 0, [{ name: "a.weight", shape: [2, 2], deviation: 0 }]);
  const state = { steps: 1, parameters: new Float32Array(64), moments: new Float32Array(128) };
  await Deno.writeFile(file, encodeCheckpoint(other, state));
  await refused([], /checkpoint of another shape/);
  await Deno.writeFile(file, good);
  await Deno.writeFile(join(run, "train.tokens"), new Uint8Array(10));
  await refused([], /train\.tokens": expected \d+ bytes, got 10/);
});

Deno.test("pretrain stops when the loss diverges and keeps a checkpoint to go on from", async () => {
  const out = path("diverged");
  await mistake(
    [...small, "--learning-rate=1e30", "--warmup-steps=0", `--out=${out}`],
    /the loss diverged within \d+ steps; the last good checkpoint is in .*--learning-rate/,
  );
  await succeeds(`--resume=${out}`, "--learning-rate=0.001", "--device=cpu");
});

Deno.test("pretrain --format json prints one JSON object a line", async () => {
  const { out } = await succeeds(...small, "--format=json", "--steps=3", `--out=${path("json")}`);
  const events = out.trim().split("\n").map((line) => JSON.parse(line));
  const types = new Set(events.map(({ type }) => type));
  assert.deepEqual(types, new Set(["read", "note", "start", "metric"]));
});

Deno.test("pretrain --steps 0 writes the untrained model", async () => {
  await succeeds(...small, "--steps=0", `--out=${path("untrained")}`);
  const card = await Deno.readTextFile(path("untrained", "model", "README.md"));
  assert.match(card, /\| loss \| not trained \|/);
});
