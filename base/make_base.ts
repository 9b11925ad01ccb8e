/**
 * Makes the built-in base from a pretrained model: `deno run -A base/make_base.ts pretrained/model`. README.md beside this file says how that was made.
 *
 * Masked-language modelling trains no pooler. The base gets one that passes states through, W = I and b = 0, so that what a federation sends each round
 * need not hold 128² numbers of a layer that every client would train from noise. The language-model head is left out.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { writeAtomically } from "../src/cli/write_atomically.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsInput,
  toFloat32,
} from "../src/protocol/safetensors.ts";
import { toHalf } from "../src/protocol/safetensors_dtype.ts";

const [source] = Deno.args;
if (source === undefined) {
  console.error("error: expected the folder of a model that deno task pretrain has made");
  Deno.exit(2);
}

const { tensors } = decodeSafetensors(Deno.readFileSync(`${source}/model.safetensors`));
const kept = [...tensors].filter(([name]) => name.startsWith("bert."));
const width = tensors.get("bert.embeddings.word_embeddings.weight")!.shape[1];
const identity = Float32Array.from(
  { length: width * width },
  (_, i) => i % (width + 1) === 0 ? 1 : 0,
);
const half = (name: string, shape: readonly number[], data: Float32Array): SafetensorsInput => ({
  name,
  shape,
  data: toHalf(data),
  dtype: "F16",
});
await write(
  "model.safetensors",
  encodeSafetensors([
    ...kept.map(([name, { dtype, shape, bytes }]) => half(name, shape, toFloat32(dtype, bytes))),
    half("bert.pooler.dense.weight", [width, width], identity),
    half("bert.pooler.dense.bias", [width], new Float32Array(width)),
  ], { format: "pt" }),
);
const config = JSON.parse(Deno.readTextFileSync(`${source}/config.json`));
const text = JSON.stringify({ ...config, architectures: ["BertModel"] }, null, 2) + "\n";
await write("config.json", new TextEncoder().encode(text));
for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
  await write(name, Deno.readFileSync(`${source}/${name}`));
}

async function write(name: string, bytes: Uint8Array): Promise<void> {
  await writeAtomically(fileURLToPath(new URL(name, import.meta.url)), bytes);
  console.log(`${name}: ${bytes.length} bytes`);
}
