/**
 * Generating a token on the engine: `deno run -A bench/generate/decode.ts --shape gpt2|gpt2-f16|gpt2-int8|tinystories --device cpu|webgpu [--threads 2]`.
 * Random weights, the likeliest token, texts of up to 128 tokens.
 */

import { generate, openGenerator } from "../../src/generate/mod.ts";
import { readModel } from "../../src/models/mod.ts";
import { readArguments } from "../harness/arguments.ts";
import { deviceFacts, openDevice } from "../harness/devices.ts";
import { randomWeights } from "../harness/random_values.ts";
import { repeat } from "../harness/repetitions.ts";
import { bytesOfToken, decoderOf, TEXT_TOKENS } from "./decoders.ts";

const options = readArguments(Deno.args);
const shape = decoderOf(options.shape);
const generator = await openGenerator(await openDevice(options), {
  model: readModel(shape.config),
  weights: randomWeights,
  tokens: TEXT_TOKENS,
  baseDtype: shape.baseDtype,
});

await repeat(
  { ...deviceFacts(generator.executor.device), bytesOfToken: bytesOfToken(shape) },
  async (times) => {
    for (let rest = times; rest > 0;) {
      const maxTokens = Math.min(rest, TEXT_TOKENS - 1);
      for await (const _ of generate(generator, [0], { maxTokens, temperature: 0 })) rest--;
    }
  },
  options,
);
await generator.executor.close();
