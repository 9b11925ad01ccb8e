/** Continues prompts, for tests that look at the tokens alone. */

import type { Device } from "../../src/engine/device.ts";
import { generate, type GenerateOptions } from "../../src/generate/generate.ts";
import { type GeneratorSources, openGenerator } from "../../src/generate/generator.ts";

/** The likeliest twelve tokens. */
export const greedy: GenerateOptions = { maxTokens: 12, temperature: 0 };

/** The tokens that each prompt is continued by, one after the other with one generator. */
export async function continuations(
  device: Device,
  sources: GeneratorSources,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = greedy,
): Promise<number[][]> {
  const generator = await openGenerator(device, sources);
  try {
    const texts: number[][] = [];
    for (const prompt of prompts) {
      texts.push(await Array.fromAsync(generate(generator, prompt, options)));
    }
    return texts;
  } finally {
    await generator.executor.close();
  }
}
