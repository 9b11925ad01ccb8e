/** A checkpoint of GPT-2's shape with random weights, written tensor by tensor: it never lies in memory whole. @module */

import { elementCount } from "../../src/engine/program.ts";
import { languageModelTensors } from "../../src/lora/base_tensors.ts";
import { isTransposed, readModel } from "../../src/models/mod.ts";
import { normals } from "../harness/random_values.ts";

/** The smallest GPT-2 of Radford et al. 2019: 124,439,808 parameters. */
export const GPT2 = {
  model_type: "gpt2",
  vocab_size: 50257,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  n_positions: 1024,
};

/** Writes config.json and model.safetensors, f32, into a folder; what is there already is left as it is. */
export async function writeCheckpoint(folder: string, config: typeof GPT2): Promise<void> {
  const path = `${folder}/model.safetensors`;
  if (await Deno.stat(path).then(() => true, () => false)) return;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  const tensors = [...languageModelTensors(readModel(config), () => false)].map((
    [name, shape],
  ) => ({ name, shape: isTransposed(name) ? shape.toReversed() : shape }));
  let end = 0;
  const header = Object.fromEntries(tensors.map(({ name, shape }) => {
    const start = end;
    end += 4 * elementCount(shape);
    return [name, { dtype: "F32", shape, data_offsets: [start, end] }];
  }));
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  function* parts() {
    yield length;
    yield text;
    for (const { name, shape } of tensors) {
      const count = elementCount(shape);
      const values = isGain(name) ? new Float32Array(count).fill(1) : normals(count, 0.02);
      yield new Uint8Array(values.buffer as ArrayBuffer);
    }
  }
  const partial = `${path}.partial`;
  await Deno.writeFile(partial, ReadableStream.from(parts()));
  await Deno.rename(partial, path);
}

/** A layer norm's, which starts at 1. */
function isGain(name: string): boolean {
  return /\.ln_\w+\.weight$/.test(name);
}
