import assert from "node:assert/strict";
import { join } from "node:path";
import { evaluateModels } from "../../../src/cli/eval.ts";
import type { LanguageEvaluation } from "../../../src/cli/eval/result.ts";
import { merge } from "../../../src/cli/merge.ts";
import { createTokenizer } from "../../../src/data/tokenizer.ts";
import { readModel } from "../../../src/models/mod.ts";
import { readJson } from "../../models/support.ts";
import { writeTinyModel } from "../generate/tiny_model.ts";
import { writeAdapter, writeRows } from "./tiny_adapters.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const path = join(folder, "model");
await writeTinyModel(path);
await Deno.writeTextFile(join(path, "tokenizer_config.json"), '{"eos_token":"]"}');
const model = readModel(readJson(join(path, "config.json")));
const data = await writeRows(join(folder, "texts.jsonl"), [{ text: "HELLO" }, { text: "AB" }]);

const progress = () => {};

async function run(args: readonly string[]): Promise<{ text: string; notes: string[] }> {
  const lines: string[] = [];
  const notes: string[] = [];
  await evaluateModels(
    [
      "--task=lm",
      `--model=${path}`,
      `--data=${data}`,
      "--seq-len=16",
      "--device=cpu",
      "--threads=1",
      `--cache-dir=${folder}/cache`,
      ...args,
    ],
    { print: (line) => lines.push(line), note: (line) => notes.push(line), progress },
    createTokenizer,
  );
  return { text: lines.join("\n"), notes };
}

async function measured(...args: string[]): Promise<LanguageEvaluation> {
  return JSON.parse((await run(["--format=json", ...args])).text);
}

Deno.test("eval --task lm tells the perplexity of base and adapter side by side", async () => {
  const adapter = await writeAdapter(join(folder, "adapter"), model, { b: 1, baseModel: path });
  const { models, tokens, rows } = await measured(`--adapter=${adapter}`);
  assert.deepEqual([rows, tokens], [2, 7], "HELLO and AB with their ends, each without its first");
  const [alone, adapted] = models;
  assert.deepEqual([alone.name, adapted.name], ["base", "adapter"]);
  assert.ok(Math.abs(alone.loss - adapted.loss) > 1e-3, `${alone.loss}, ${adapted.loss}`);
  for (const { loss, perplexity } of models) assert.equal(perplexity, Math.exp(loss));
  assert.deepEqual((await measured()).models, [alone], "the base alone is the same");
  const unpacked = await measured("--no-packing");
  assert.equal(unpacked.tokens, tokens);
  assert.ok(Math.abs(unpacked.models[0].loss / alone.loss - 1) < 1e-5, "no text sees another");

  const out = join(folder, "merged");
  await merge([`--model=${path}`, `--adapter=${adapter}`, `--out=${out}`], () => {});
  const [merged] = (await measured(`--model=${out}`)).models;
  assert.ok(Math.abs(merged.loss / adapted.loss - 1) < 1e-5, `${merged.loss}, ${adapted.loss}`);
});

Deno.test("eval --task lm prints a table, and notes that a classifier's head has no part", async () => {
  const head = await writeAdapter(join(folder, "classifier"), model, {
    ...{ b: 0, classes: 2, labels: ["a", "b"], baseModel: path },
  });
  const { text, notes } = await run([`--adapter=${head}`, "--split=all"]);
  assert.match(notes[0], /^The adapter was trained for a classifier, whose head has no part/);
  assert.equal(text.split("\n")[0], `Model    model, adapter ${head}`, "a folder's own name");
  assert.match(
    text,
    /^Data {5}texts\.jsonl: 2 texts, 7 tokens predicted \(--task lm --seq-len 16\)$/m,
  );
  const scores = [...text.matchAll(/^base( and adapter)? +[\d.,]+ +(\d+\.\d{3})$/gm)];
  assert.deepEqual(scores.map(([, adapter]) => adapter), [undefined, " and adapter"], text);
  assert.equal(scores[0][2], scores[1][2], "an adapter whose B is zero changes nothing");
});

Deno.test("eval --task lm says in one line what is wrong", async () => {
  const single = await writeRows(join(folder, "single.jsonl"), [{ text: "]" }]);
  await assert.rejects(
    run([`--data=${single}`]),
    /^UserError: Cannot evaluate on "single\.jsonl": its texts have no token to predict within 16/,
  );
  await assert.rejects(run(["--pooling=last"]), /^UserError: Cannot use --pooling with --task lm/);
});
