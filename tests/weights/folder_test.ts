import assert from "node:assert/strict";
import {
  readConfig,
  readTokenizerFiles,
  textFiles,
  withChatTemplate,
} from "../../src/weights/mod.ts";
import { memoryFiles } from "./memory_files.ts";

Deno.test("readConfig() parses config.json", async () => {
  const files = memoryFiles({ "config.json": '{"model_type":"bert"}' });
  assert.deepEqual(await readConfig(files), { model_type: "bert" });
});

Deno.test("readConfig() says what a model folder needs when config.json is missing", async () => {
  await assert.rejects(() => readConfig(memoryFiles({})), {
    name: "ModelFolderError",
    message: 'Cannot find "config.json" in model "tiny": a model folder needs config.json, ' +
      "tokenizer.json and model.safetensors (or model.safetensors.index.json with its shards, or " +
      "onnx/model.onnx)",
  });
});

for (
  const [what, text, expected] of [
    ["an empty", "", /expected JSON, but the file is empty/],
    ["a half-written", '{"model_type":', /expected JSON, but /],
    ["a list as", "[]", /expected a JSON object/],
    ["null as", "null", /expected a JSON object/],
  ] as const
) {
  Deno.test(`readConfig() refuses ${what} config.json`, async () => {
    await assert.rejects(() => readConfig(memoryFiles({ "config.json": text })), {
      name: "ModelFolderError",
      message: expected,
    });
  });
}

Deno.test("readTokenizerFiles() reads both files", async () => {
  const files = memoryFiles({ "tokenizer.json": '{"a":1}', "tokenizer_config.json": '{"b":2}' });
  assert.deepEqual(await readTokenizerFiles(files), { tokenizer: { a: 1 }, config: { b: 2 } });
});

Deno.test("readTokenizerFiles() does without tokenizer_config.json, not tokenizer.json", async () => {
  assert.deepEqual(await readTokenizerFiles(memoryFiles({ "tokenizer.json": "{}" })), {
    tokenizer: {},
    config: {},
  });
  await assert.rejects(() => readTokenizerFiles(memoryFiles({ "tokenizer_config.json": "{}" })), {
    name: "ModelFolderError",
    message: /^Cannot find "tokenizer\.json" in model "tiny"/,
  });
});

Deno.test("textFiles() reads what a folder has beside config.json and weights, as it is", async () => {
  const own = { "tokenizer.json": "{ }", "merges.txt": "#version: 0.2\na b", "vocab.txt": "" };
  const files = memoryFiles({ ...own, "config.json": "{}", "model.safetensors": "", "x.py": "" });
  const found = Object.entries(await textFiles(files))
    .map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]);
  assert.deepEqual(Object.fromEntries(found), own);
});

Deno.test("withChatTemplate() takes the template of chat_template.jinja before the config's", async () => {
  const tokenizer = { tokenizer: {}, config: { eos_token: "</s>", chat_template: "old" } };
  assert.deepEqual(await withChatTemplate(memoryFiles({}), tokenizer), tokenizer);
  const files = memoryFiles({ "chat_template.jinja": "{{ messages }}" });
  assert.deepEqual((await withChatTemplate(files, tokenizer)).config, {
    eos_token: "</s>",
    chat_template: "{{ messages }}",
  });
});
