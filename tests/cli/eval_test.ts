import assert from "node:assert/strict";
import { join } from "node:path";
import { evaluateModels } from "../../src/cli/eval.ts";
import type { ClassifierEvaluation } from "../../src/cli/eval/result.ts";
import { merge } from "../../src/cli/merge.ts";
import { namesIn } from "../../src/cli/working_folder.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { readModel } from "../../src/models/mod.ts";
import { builtInBase } from "../../src/weights/built_in_base.ts";
import { modelHash, readConfig } from "../../src/weights/mod.ts";
import { root, runCli } from "./command.ts";
import { writeAdapter, writeRows } from "./eval/tiny_adapters.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const base = builtInBase();
const model = readModel(await readConfig(base) as Record<string, unknown>);
const labels = ["cat", "dog", "eel"];
const settings = { classes: 3, labels, baseHash: await modelHash(base) };
/** Logits are the biases 1, 0 and 0 whatever the text, since all else of the head is zero. */
const biased = await writeAdapter(join(folder, "biased"), model, {
  b: 0,
  head: { "classifier.bias": [1, 0, 0] },
  ...settings,
});
const data = await writeRows(join(folder, "pets.jsonl"), [
  { text: "it purrs", label: "cat", split: "test" },
  { text: "it barks", label: "dog", split: "test" },
  { text: "it barks again", label: "dog", split: "test" },
  { text: "it swims", label: "eel", split: "train" },
]);
const flags = [`--data=${data}`, "--device=cpu", "--threads=1", "--seq-len=8"];

let progressed: (readonly [number, number])[] = [];
const progress = (done: number, total: number) => void progressed.push([done, total]);

/** What the command prints, and the lines beside it. */
async function run(...args: string[]): Promise<{ text: string; notes: string[] }> {
  progressed = [];
  const lines: string[] = [];
  const notes: string[] = [];
  await evaluateModels(
    [`--cache-dir=${folder}/cache`, ...flags, ...args],
    { print: (line) => lines.push(line), note: (line) => notes.push(line), progress },
    createTokenizer,
  );
  return { text: lines.join("\n"), notes };
}

async function classified(...args: string[]): Promise<ClassifierEvaluation> {
  return JSON.parse((await run("--format=json", ...args)).text);
}

Deno.test("eval reads texts as the adapter's file tells, unless a flag says otherwise", async () => {
  const reading = { seqLen: 4, pooling: "first", strip: [] };
  const told = await writeAdapter(join(folder, "told"), model, {
    b: 0,
    head: { "classifier.bias": [1, 0, 0] },
    ...settings,
    reading,
  });
  const sources = [`--data=${data}`, "--device=cpu", "--threads=1", `--adapter=${told}`];
  const seen = async (...args: string[]) => {
    const lines: string[] = [];
    await evaluateModels(
      [`--cache-dir=${folder}/cache`, "--format=json", ...sources, ...args],
      { print: (line) => lines.push(line), note: () => {}, progress },
      createTokenizer,
    );
    const { seqLen, pooling } = JSON.parse(lines.join("\n")) as ClassifierEvaluation;
    return { seqLen, pooling };
  };
  assert.deepEqual(await seen(), { seqLen: 4, pooling: "first" });
  assert.deepEqual(await seen("--seq-len=6", "--pooling=mean"), { seqLen: 6, pooling: "mean" });
  const odd = await writeAdapter(join(folder, "odd"), model, {
    b: 0,
    ...settings,
    reading: { pooling: "most" },
  });
  await assert.rejects(
    run(`--adapter=${odd}`),
    /Cannot use pooling in adapter_model.safetensors: expected one of/,
  );
});

Deno.test("eval counts what is worked out by hand, of the test rows that a file marks", async () => {
  const result = await classified(`--adapter=${biased}`);
  assert.deepEqual([result.split, result.rows, result.labels], ["test", 3, labels]);
  assert.equal(result.model, "built-in base");
  assert.deepEqual(result.baseline, {
    chance: 1 / 3,
    majority: { label: "dog", accuracy: 2 / 3, macroF1: (0 + 4 / 5) / 2 },
  });
  const [alone, adapted] = result.models;
  assert.deepEqual([alone.name, alone.head, adapted.name], ["base", "adapter", "adapter"]);
  assert.deepEqual(adapted.confusion, [[1, 0, 0], [2, 0, 0], [0, 0, 0]]);
  assert.deepEqual([adapted.accuracy, adapted.macroF1], [1 / 3, (2 / 4 + 0) / 2]);
  const normalizer = Math.log(Math.E + 2);
  assert.ok(Math.abs(adapted.loss - (normalizer - 1 / 3)) < 1e-5, `${adapted.loss}`);
  assert.deepEqual({ ...alone, name: "", head: "" }, { ...adapted, name: "", head: "" });
});

Deno.test("eval takes the rows of another part, or all", async () => {
  const rows = async (part: string) =>
    (await classified(`--adapter=${biased}`, `--split=${part}`)).models[0].perLabel
      .map(({ support }) => support);
  assert.deepEqual(await rows("train"), [0, 0, 1]);
  assert.deepEqual(await rows("all"), [1, 2, 1]);
});

Deno.test("eval needs no more than the rows there are, however large a batch may be", async () => {
  const one = await classified(`--adapter=${biased}`, "--eval-batch=10000000");
  assert.deepEqual(one.models, (await classified(`--adapter=${biased}`)).models);
});

Deno.test("eval says that rows that were trained on may be among those of an unmarked file", async () => {
  const unmarked = await writeRows(join(folder, "unmarked.jsonl"), [
    { text: "it purrs", label: "cat" },
    { text: "it barks", label: "dog", split: "train" },
  ]);
  const notes = async (...args: string[]) => (await run(`--adapter=${biased}`, ...args)).notes;
  assert.deepEqual(await notes(`--data=${unmarked}`), [
    'No row of "unmarked.jsonl" is marked as a test row: all are evaluated, and rows that were trained on may be among them',
  ]);
  assert.deepEqual(await notes(`--data=${unmarked}`, "--split=all"), []);
  assert.deepEqual(await notes(), [], "its test rows are");
});

Deno.test("eval tells how many batches of how many are done", async () => {
  await run(`--adapter=${biased}`, "--split=all", "--eval-batch=3");
  assert.deepEqual(progressed, [[0, 4], [1, 4], [2, 4], [3, 4], [4, 4]], "two of each model");
});

Deno.test("eval of a merged model finds its head, and what the adapter made of the base", async () => {
  const width = model.width;
  const adapter = await writeAdapter(join(folder, "strong"), model, {
    ...settings,
    b: 0.5,
    head: {
      "classifier.weight": Array.from({ length: 3 * width }, (_, i) => Math.cos(i)),
    },
  });
  const [alone, adapted] = (await classified(`--adapter=${adapter}`, "--split=all")).models;
  assert.ok(Math.abs(alone.loss - adapted.loss) > 1e-3, "the components do something");
  const out = join(folder, "merged");
  await merge([`--adapter=${adapter}`, `--out=${out}`], () => {});
  const merged = await classified(`--model=${out}`, "--split=all");
  assert.deepEqual(merged.labels, labels);
  const [own] = merged.models;
  assert.deepEqual([merged.models.length, own.head, own.confusion], [1, "base", adapted.confusion]);
  assert.ok(Math.abs(own.loss / adapted.loss - 1) < 1e-4, `${own.loss}, ${adapted.loss}`);
});

Deno.test("eval prints its tables, and with --out writes them with every confusion", async () => {
  const out = join(folder, "report");
  const { text, notes } = await run(`--adapter=${biased}`, `--out=${out}`);
  assert.deepEqual(notes, [`Report   ${out}`]);
  const lines = text.split("\n");
  assert.match(
    lines[1],
    /^Data {5}pets\.jsonl: 3 test rows of 3 labels, mean of at most 8 tokens$/,
  );
  assert.ok(
    lines.some((line) => /^base, the adapter's head +33\.3 % +25\.0 % +1\.\d{3}$/.test(line)),
    text,
  );
  assert.ok(
    lines.some((line) => /^dog +2 +0\.00 → 0\.00 +0\.00 → 0\.00 +0\.00 → 0\.00$/.test(line)),
    text,
  );
  assert.match(text, /Confused most often by: base and adapter .*\n.*\ndog +cat +2 +100\.0 %$/);
  assert.deepEqual(await namesIn(out), ["evaluation.json", "evaluation.md"]);
  const report = await Deno.readTextFile(join(out, "evaluation.md"));
  assert.match(report, /\| 2 dog +\| +2 \| +0 \| +0 \|/);
  const stored = JSON.parse(await Deno.readTextFile(join(out, "evaluation.json")));
  assert.deepEqual(stored.models[1].confusion, [[1, 0, 0], [2, 0, 0], [0, 0, 0]]);
  await assert.rejects(
    run(`--adapter=${biased}`, `--out=${out}`),
    /is not an empty folder; use an/,
  );
});

Deno.test("eval takes the labels of an adapter that tells none from --labels", async () => {
  const { labels: _, ...unnamed } = settings;
  const adapter = await writeAdapter(join(folder, "unnamed"), model, { b: 0, ...unnamed });
  await assert.rejects(
    run(`--adapter=${adapter}`),
    /^UserError: Cannot name the classes of the adapter: .* give the 3 in the order of the logits by --labels$/,
  );
  const named = (names: string) => classified(`--adapter=${adapter}`, `--labels=${names}`);
  assert.deepEqual((await named("dog,cat,eel")).models[0].confusion[0], [2, 0, 0]);
  await assert.rejects(named("cat,dog"), /of the adapter: expected 3 labels, got 2$/);
  await assert.rejects(
    named("cat,dog,cat"),
    /^UserError: Cannot name the classes of the adapter: expected distinct labels, got "cat" twice$/,
  );
});

Deno.test("eval says in one line what is wrong", async () => {
  const refused = async (message: RegExp, ...args: string[]) => {
    await assert.rejects(run(...args), message);
  };
  const adapter = `--adapter=${biased}`;
  await refused(
    /^UserError: Cannot read "none\.jsonl": no such file$/,
    adapter,
    "--data=none.jsonl",
  );
  await refused(/^UserError: Cannot open adapter "none": no such folder$/, "--adapter=none");
  const strange = await writeRows(join(folder, "strange.jsonl"), [{ text: "x", label: "fox" }]);
  await refused(
    /^DataError: Cannot load line 1 of "strange\.jsonl": expected one of 3 labels, got "fox"$/,
    adapter,
    `--data=${strange}`,
  );
  await refused(
    /^UserError: .* the validation rows of .*, got none; use another --split$/,
    adapter,
    "--split=validation",
  );
  await refused(/^UserError: Cannot use --split: expected one of train, /, adapter, "--split=dev");
  await refused(/^UserError: Cannot classify with "built-in base" alone: it has no head/);
  await refused(
    /^UserError: Cannot use --labels: the adapter tells its own/,
    adapter,
    "--labels=a,b,c",
  );
  await refused(
    /^UserError: Cannot use --seq-len 4096: expected at most /,
    adapter,
    "--seq-len=4096",
  );
  const { labels: _, ...other } = settings;
  const stranger = await writeAdapter(join(folder, "stranger"), model, {
    ...{ b: 0, ...other, baseHash: "ab".repeat(32) },
  });
  await refused(
    /^PeftError: .* expected the base .* of hash abababababab, got /,
    `--adapter=${stranger}`,
  );
  await refused(
    /^PeftError: .* which the model does not have/,
    adapter,
    `--model=${root}tests/golden/llama`,
  );
  const encoder = /^UserError: Cannot use --task lm with a model of family "bert", an encoder/;
  await refused(encoder, "--task=lm");
  await refused(encoder, "--task=lm", `--adapter=${stranger}`);
  const stripped = await writeAdapter(join(folder, "stripped"), model, {
    ...{ b: 0, ...settings, reading: { strip: ["headers"] } },
  });
  await assert.rejects(
    evaluateModels(
      [`--adapter=${stripped}`, `--cache-dir=${folder}/cache`, "--device=cpu"],
      { print() {}, note() {}, progress() {} },
      createTokenizer,
    ),
    /^UserError: Cannot evaluate on the built-in corpus: expected one of the model's 3 labels/,
  );
  const headless = await writeAdapter(join(folder, "headless"), model, { b: 0 });
  await refused(
    /^UserError: Cannot classify with the adapter ".*", which has no head/,
    `--adapter=${headless}`,
  );
});

Deno.test("eval as a command evaluates on the built-in corpus, or ends with status 2", async () => {
  const { code, out, err } = await runCli("eval", [
    `--adapter=${biased}`,
    ...flags,
    "--format=json",
  ]);
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(JSON.parse(out).models[1].accuracy, 1 / 3);
  const corpus = await runCli("eval", [`--adapter=${biased}`, "--device=cpu"]);
  assert.deepEqual([corpus.code, corpus.out], [2, ""]);
  assert.match(
    corpus.err,
    /^error: Cannot evaluate on the built-in corpus: expected one of .*; name a file/,
  );
});
