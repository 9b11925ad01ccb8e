import assert from "node:assert/strict";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { readEndTokens } from "../../src/generate/end_tokens.ts";
import { openModelWeights } from "../../src/lora/model_weights.ts";
import { readModel } from "../../src/models/mod.ts";
import { readConfig } from "../../src/weights/mod.ts";
import { readTokenizerFiles, sharedFile } from "../data/shared_folder.ts";
import { testDevices } from "../engine/devices.ts";
import { readJson, readValues } from "../models/support.ts";
import { continuations } from "./continuations.ts";
import { greedyLlama } from "./llama_oracle.ts";

const folder = "models/tinystories-656k";
const path = sharedFile(folder);
const COUNT = 80;

for (const device of testDevices) {
  Deno.test({
    name:
      `generate() of tinystories-656k tells the story of a float64 greedy decode [${device.name}]`,
    ignore: device.ignore || path === undefined,
    async fn() {
      const files = folderFiles(path!);
      const model = readModel(await readConfig(files));
      const weights = await openModelWeights(files, model);
      const { encode, decode } = await createTokenizer(...readTokenizerFiles(folder));
      const prompt = [...encode("Once upon a time, there was a little girl")];
      const endTokens = await readEndTokens(files);
      assert.deepEqual(endTokens, [2]);
      const options = { maxTokens: COUNT, temperature: 0, endTokens };
      const [tokens] = await continuations(
        await device.open(),
        { model, weights, tokens: prompt.length + COUNT },
        [prompt],
        options,
      );
      const expected = greedyLlama(
        readJson(`${path}/config.json`),
        readValues(`${path}/model.safetensors`),
        prompt,
        COUNT,
      );
      assert.deepEqual(tokens, expected);
      assert.match(decode([...prompt, ...tokens]), /^Once upon a time, .*\. She .*\. One day, /s);
    },
  });
}
