import assert from "node:assert/strict";
import { baseFiles } from "../../base/files.ts";
import { englishWords } from "../../base/english_words.ts";
import { baseVocabulary, specialTokens } from "../../base/vocabulary.ts";
import { builtInBase } from "../../src/weights/built_in_base.ts";
import { builtinCorpus, builtinVocabulary } from "../../src/data/builtin_corpus.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { readModel } from "../../src/models/mod.ts";
import { openWeights, readConfig, readTokenizerFiles } from "../../src/weights/mod.ts";

const folder = new URL("../../base/", import.meta.url);
const made = baseFiles();

Deno.test("baseFiles() makes the committed files, byte for byte", () => {
  for (const [name, bytes] of made) {
    const committed = Deno.readFileSync(new URL(name, folder));
    assert.ok(
      bytes.length === committed.length && bytes.every((byte, i) => byte === committed[i]),
      `base/${name} differs: run deno run -A base/make_base.ts`,
    );
  }
});

Deno.test("the built-in base is smaller than 4 MB", () => {
  const size = [...made.values()].reduce((sum, { length }) => sum + length, 0);
  assert.ok(size < 4_000_000, `${size} bytes`);
});

Deno.test("builtInBase() opens every file that is made and no other", async () => {
  const files = builtInBase();
  for (const [name, bytes] of made) {
    assert.equal(await (await files.open(name))?.size(), bytes.length, name);
  }
  assert.equal(await files.open("onnx/model.onnx"), undefined);
  const config = await files.open("config.json");
  assert.deepEqual(await config!.read(2, 5), made.get("config.json")!.slice(2, 7));
  await assert.rejects(config!.read(0, 1e6), RangeError);
});

Deno.test("builtInBase() reads over http", async () => {
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const path = new URL(request.url).pathname;
    asked.push(path);
    const bytes = made.get(path.slice("/base/".length));
    return bytes ? new Response(new Uint8Array(bytes)) : new Response("not here", { status: 404 });
  });
  try {
    const root = new URL(`http://127.0.0.1:${server.addr.port}/base/`);
    const config = await readConfig(builtInBase(root));
    assert.deepEqual(config, await readConfig(builtInBase()));
    assert.deepEqual(asked, ["/base/config.json"], "one request a file");
    const elsewhere = builtInBase(new URL("elsewhere/", root));
    await assert.rejects(readConfig(elsewhere), /answered 404/);
  } finally {
    await server.shutdown();
  }
});

Deno.test("the built-in base's weights are those that its config asks for", async () => {
  const files = builtInBase();
  const model = readModel(await readConfig(files));
  const weights = await openWeights(files);
  assert.deepEqual([model.family, model.width, model.maxTokens], ["bert", 128, 128]);
  for (const { name, inFeatures, outFeatures } of model.modules) {
    assert.deepEqual(weights.shape(`${name}.weight`), [outFeatures, inFeatures]);
    assert.deepEqual(weights.shape(`${name}.bias`), [outFeatures]);
  }
  const words = weights.shape("bert.embeddings.word_embeddings.weight");
  assert.deepEqual(words, [model.vocabulary, model.width]);
  assert.equal(model.vocabulary, baseVocabulary().length);
});

Deno.test("the built-in base's matrices keep every direction", async () => {
  const weights = await openWeights(builtInBase());
  const name = "bert.encoder.layer.1.attention.self.value.weight";
  const matrix = await weights.load(name, [128, 128]);
  const product = (i: number, j: number): number =>
    Array.from({ length: 128 }, (_, k) => matrix[i * 128 + k] * matrix[j * 128 + k])
      .reduce((sum, value) => sum + value, 0);
  for (const [i, j] of [[0, 0], [5, 5], [127, 127], [0, 1], [3, 127]]) {
    assert.ok(Math.abs(product(i, j) - (i === j ? 1 : 0)) < 1e-6, `rows ${i} and ${j}`);
  }
});

async function baseTokenizer() {
  const { tokenizer, config } = await readTokenizerFiles(builtInBase());
  return await createTokenizer(tokenizer, config);
}

/** Tokens by their ids. */
async function tokensOf(text: string): Promise<string[]> {
  const vocabulary = baseVocabulary();
  return [...(await baseTokenizer()).encode(text)].map((id) => vocabulary[id]);
}

Deno.test("baseVocabulary() has between 1,500 and 2,048 tokens, each once", () => {
  const vocabulary = baseVocabulary();
  assert.ok(vocabulary.length >= 1500 && vocabulary.length <= 2048, `${vocabulary.length}`);
  assert.equal(new Set(vocabulary).size, vocabulary.length);
  assert.deepEqual(vocabulary.slice(0, 5), [...specialTokens]);
  assert.ok(englishWords.every((word) => /^[a-z]+$/.test(word)));
});

Deno.test("the built-in tokenizer keeps every word of the corpus whole", async () => {
  const words = builtinVocabulary();
  assert.deepEqual(await tokensOf(words.join(" ")), ["[CLS]", ...words, "[SEP]"]);
});

Deno.test("the built-in tokenizer takes other words apart", async () => {
  assert.deepEqual(await tokensOf("Actually, Zuqx's 42 naïve"), [
    "[CLS]",
    "actual",
    "##ly",
    ",",
    "z",
    "##u",
    "##q",
    "##x",
    "'",
    "s",
    "4",
    "##2",
    "n",
    "##a",
    "##ive",
    "[SEP]",
  ]);
});

Deno.test("the built-in tokenizer knows every printable ASCII character", async () => {
  const printable = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const texts = [printable.join(" "), printable.join("")];
  for (const text of texts) assert.ok(!(await tokensOf(text)).includes("[UNK]"), text);
});

Deno.test("posts of the corpus fit into 64 tokens of the built-in tokenizer", async () => {
  const tokenizer = await baseTokenizer();
  const lengths = builtinCorpus(1, { train: 400, test: 0 }).train.map(({ text }) =>
    tokenizer.encode(text).length
  );
  assert.ok(Math.max(...lengths) <= 64, `${Math.max(...lengths)}`);
});
