/**
 * A step of a masked-language pretraining by the engine, in which every weight of a BERT of 4 layers × 128 is trained: `deno run -A
 * bench/programs/pretrain_step.ts --device cpu|webgpu [--threads 2] [--size ROWS]`
 */

import { readModel } from "../../src/models/mod.ts";
import { maskedCount } from "../../src/pretrain/masking.ts";
import { openTrainer } from "../../src/pretrain/trainer.ts";
import { initialWeights } from "../../src/pretrain/weights.ts";
import { readArguments } from "../harness/arguments.ts";
import { openDevice } from "../harness/devices.ts";
import { randomIds } from "../harness/random_values.ts";
import { repeat } from "../harness/repetitions.ts";
import { bertConfig, TOKENS } from "../harness/shapes.ts";

const SHAPE = { layers: 4, width: 128, heads: 4, feedForward: 512 };
const VOCABULARY = 8000;
const MASK_RATE = 0.15;
const RING = 64;

const options = readArguments(Deno.args);
const { size: B = 16 } = options;
const predicted = maskedCount(TOKENS, MASK_RATE);
const trainer = await openTrainer(
  await openDevice(options),
  readModel({ ...bertConfig(SHAPE), vocab_size: VOCABULARY }),
  { B, T: TOKENS, P: B * predicted, ring: RING },
  {
    batch: B,
    tokens: TOKENS,
    steps: 1e6,
    learningRate: 1e-4,
    warmupSteps: 0,
    decaySteps: 0,
    weightDecay: 0.01,
    maskRate: MASK_RATE,
    seed: 0,
  },
);
const parameters = initialWeights(trainer.layout, 0.02, 0);
trainer.install({ steps: 0, parameters, moments: new Float32Array(2 * parameters.length) });

const batch = {
  ids: randomIds(B * TOKENS, VOCABULARY),
  places: Uint32Array.from(
    { length: B * predicted },
    (_, i) => Math.floor(i / predicted) * TOKENS + i % predicted,
  ),
  labels: randomIds(B * predicted, VOCABULARY),
};
let steps = 0;
let loss = NaN;

await repeat(
  { device: options.device, B, T: TOKENS, V: VOCABULARY, predicted: B * predicted },
  async (times) => {
    for (let i = 0; i < times; i++) {
      trainer.step(steps++, batch);
      if ((i + 1) % RING === 0 || i === times - 1) loss = (await trainer.losses()).at(-1)!;
    }
  },
  options,
  () => ({ loss }),
);
await trainer.close();
