import assert from "node:assert/strict";
import { builtinCorpus } from "../../src/data/builtin_corpus.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { readModel } from "../../src/models/mod.ts";
import { builtInBase } from "../../src/weights/built_in_base.ts";
import { openWeights, readConfig, readTokenizerFiles } from "../../src/weights/mod.ts";

const folder = new URL("../../base/", import.meta.url);
const names = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
const committed = new Map(names.map((name) => [name, Deno.readFileSync(new URL(name, folder))]));

Deno.test("the built-in base is smaller than 4 MB", () => {
  const size = committed.get("model.safetensors")!.length;
  assert.ok(size < 4_000_000, `${size} bytes`);
});

Deno.test("builtInBase() opens every file that is committed and no other", async () => {
  const files = builtInBase();
  for (const [name, bytes] of committed) {
    assert.equal(await (await files.open(name))?.size(), bytes.length, name);
  }
  assert.equal(await files.open("onnx/model.onnx"), undefined);
  const config = await files.open("config.json");
  assert.deepEqual(await config!.read(2, 5), committed.get("config.json")!.slice(2, 7));
  await assert.rejects(config!.read(0, 1e6), RangeError);
});

Deno.test("builtInBase() reads over http", async () => {
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const path = new URL(request.url).pathname;
    asked.push(path);
    const bytes = committed.get(path.slice("/base/".length));
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
  const { tokenizer } = await readTokenizerFiles(files);
  const { vocab } = (tokenizer as { model: { vocab: Record<string, number> } }).model;
  assert.equal(model.vocabulary, Object.keys(vocab).length);
});

async function baseTokenizer() {
  const { tokenizer, config } = await readTokenizerFiles(builtInBase());
  return await createTokenizer(tokenizer, config);
}

/** Tokens by their ids. */
async function tokensOf(text: string): Promise<string[]> {
  const { tokenizer } = await readTokenizerFiles(builtInBase());
  const { vocab } = (tokenizer as { model: { vocab: Record<string, number> } }).model;
  const tokens = new Map(Object.entries(vocab).map(([token, id]) => [id, token]));
  return [...(await baseTokenizer()).encode(text)].map((id) => tokens.get(id)!);
}

Deno.test("the built-in tokenizer keeps frequent words whole and takes others apart", async () => {
  const tokens = await tokensOf("The history of Zuqx's naïve quartet");
  assert.deepEqual(tokens.slice(0, 4), ["[CLS]", "the", "history", "of"]);
  assert.deepEqual(tokens.at(-1), "[SEP]");
  assert.ok(!tokens.includes("[UNK]"));
});

Deno.test("the built-in tokenizer knows single characters of many scripts", async () => {
  assert.ok(!(await tokensOf("é ß 中 文 α я")).includes("[UNK]"));
});

Deno.test("the built-in tokenizer knows every printable ASCII character", async () => {
  const printable = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const texts = [printable.join(" "), printable.join("")];
  for (const text of texts) assert.ok(!(await tokensOf(text)).includes("[UNK]"), text);
});

Deno.test("posts of the corpus fit into the built-in base's positions", async () => {
  const tokenizer = await baseTokenizer();
  const { maxTokens } = readModel(await readConfig(builtInBase()));
  for (const { text } of builtinCorpus(1, { train: 400, test: 0 }).train) {
    assert.ok(tokenizer.encode(text).length <= maxTokens, text);
  }
});
