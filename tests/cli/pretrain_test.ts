import assert from "node:assert/strict";
import { join } from "node:path";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { readModel } from "../../src/models/mod.ts";
import { decodeSafetensors, encodeSafetensors, toFloat32 } from "../../src/protocol/safetensors.ts";
import { openWeights, readConfig } from "../../src/weights/mod.ts";
import { requestsOf } from "../models/support.ts";
import { type Ended, root, runCli, tiny } from "./command.ts";
import { mistake, succeeds } from "./pretrain/command.ts";
import {
  fixedTokens,
  jsonLines,
  tinyDocuments,
  tinyFlags,
  tokenizerJson,
  writeTokenizerFolder,
} from "./pretrain/tiny_input.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-pretrain-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const small = await tinyFlags(folder);

const path = (...parts: string[]) => join(folder, ...parts);

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
  await Deno.writeTextFile(corpus, jsonLines(tinyDocuments(220)).repeat(300));
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
