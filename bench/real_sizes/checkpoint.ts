/** A checkpoint of GPT-2's shape with random weights, written tensor by tensor: it never lies in memory whole. @module */

import type { GPT2 } from "../../src/cli/doctor/shapes.ts";
import { writeFlushed } from "../../src/cli/write_atomically.ts";
import { languageModelTensors } from "../../src/lora/base_tensors.ts";
import { isTransposed, readModel } from "../../src/models/mod.ts";
import { checkpointFiles } from "../../src/weights/mod.ts";
import { randomWeights } from "../harness/random_values.ts";

const WEIGHTS = "model.safetensors";

/** Writes config.json and model.safetensors, f32, into a folder; what is there already is left as it is. */
export async function writeCheckpoint(folder: string, config: typeof GPT2): Promise<void> {
  const path = `${folder}/${WEIGHTS}`;
  if (await Deno.stat(path).then(() => true, () => false)) return;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  const shapes = new Map(
    [...languageModelTensors(readModel(config), () => false)].map(([name, shape]) => [
      name,
      isTransposed(name) ? shape.toReversed() : shape,
    ]),
  );
  const layout = { dtype: "f32", shardBytes: Infinity } as const;
  const { [WEIGHTS]: content } = checkpointFiles(shapes, randomWeights.load, layout);
  const partial = `${path}.partial`;
  await writeFlushed(partial, content as AsyncIterable<Uint8Array>);
  await Deno.rename(partial, path);
}
