/** What pretrain refuses. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { packLayout } from "../../../src/lora/layout.ts";
import { encodeCheckpoint } from "../../../src/pretrain/checkpoint.ts";
import { mistake, succeeds } from "./command.ts";
import { gzip } from "./gzip.ts";
import {
  fixedTokens,
  jsonLines,
  tinyDocuments,
  tinyFlags,
  tokenizerConfig,
  tokenizerJson,
  writeTokenizerFolder,
} from "./tiny_input.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-pretrain-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const small = await tinyFlags(folder);

const path = (...parts: string[]) => join(folder, ...parts);

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
  const metricsNow = () => Deno.readTextFile(join(run, "metrics.jsonl"));
  const [good, metrics] = [await Deno.readFile(file), await metricsNow()];
  const refused = async (args: readonly string[], expected: RegExp) => {
    await mistake([`--resume=${run}`, "--device=cpu", ...args], expected);
    assert.equal(await metricsNow(), metrics);
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
