/** Continues prompts, for tests that look at the tokens alone. */

import type { Device } from "../../src/engine/device.ts";
import { generate, type GenerateOptions } from "../../src/generate/generate.ts";
import { type GeneratorSources, openGenerator } from "../../src/generate/generator.ts";
import { BUFFERS } from "../../src/generate/programs.ts";
import type { Numbers } from "../reference/numbers.ts";

/** The likeliest twelve tokens. */
export const greedy: GenerateOptions = { maxTokens: 12, temperature: 0 };

/** The tokens that each prompt is continued by, one after the other with one generator. */
export async function continuations(
  device: Device,
  sources: GeneratorSources,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = greedy,
): Promise<number[][]> {
  return (await continuationsAndLogits(device, sources, prompts, options)).texts;
}

/** Those tokens, and the logits that the last one was chosen by. */
export async function continuationsAndLogits(
  device: Device,
  sources: GeneratorSources,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = greedy,
): Promise<{ readonly texts: number[][]; readonly logits: Numbers }> {
  const generator = await openGenerator(device, sources);
  try {
    const texts: number[][] = [];
    for (const prompt of prompts) {
      texts.push(await Array.fromAsync(generate(generator, prompt, options)));
    }
    return { texts, logits: await generator.executor.read(BUFFERS.logits) };
  } finally {
    await generator.executor.close();
  }
}
