/** Generating a text token by token. @module */

import { letTasksRun } from "../lora/let_tasks_run.ts";
import { countOf } from "../protocol/count_of.ts";
import { UserError } from "../protocol/errors.ts";
import { randomStream } from "../protocol/random.ts";
import { PROMPT_BLOCK, type TextGenerator } from "./generator.ts";
import { BUFFERS, PROGRAMS } from "./programs.ts";
import { checkSampling, chooseToken, type SamplingOptions } from "./sampling.ts";

/** How a text is continued. */
export interface GenerateOptions extends SamplingOptions {
  /** Tokens to generate at most: a whole number of at least 1. */
  readonly maxTokens: number;
  /** Ids that end the text; the one that does is not given out (default: none). */
  readonly endTokens?: readonly number[];
  /** Seed of the draws; the same seed on the same device gives the same text (default: 1). */
  readonly seed?: number;
  /** Ends the generation where it is, with the signal's reason as the error. */
  readonly signal?: AbortSignal;
}

/**
 * Continues a prompt. Tokens come as they are chosen; each costs one pass over the weights, whatever came before, because the keys and values of all earlier
 * tokens stay on the device. A generator continues one text at a time.
 *
 * @param prompt token ids, special tokens included; at least one
 * @throws UserError at once for an option that cannot be, a prompt without tokens, ids beyond the vocabulary, and a text longer than the generator's `tokens`.
 * @throws RangeError while generating where the model's logits are not finite.
 *
 * @example A tiny model with random weights continues three tokens by five
 * ```ts
 * import { createCpuDevice } from "../engine/cpu/device.ts";
 * import { readModel } from "../models/mod.ts";
 * import { generate } from "./generate.ts";
 * import { openGenerator } from "./generator.ts";
 *
 * const model = readModel({ model_type: "gpt2", vocab_size: 30, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 16 });
 * const weights = {
 *   load: (_: string, shape: readonly number[]) =>
 *     Promise.resolve(new Float32Array(shape.reduce((x, y) => x * y)).map((_, i) => Math.sin(i))),
 * };
 * const generator = await openGenerator(createCpuDevice({ threads: 1 }), { model, weights });
 * const ids = await Array.fromAsync(generate(generator, [1, 2, 3], { maxTokens: 5, temperature: 0 }));
 * await generator.executor.close();
 * if (ids.length !== 5) throw new Error("unreachable");
 * ```
 */
export function generate(
  generator: TextGenerator,
  prompt: ArrayLike<number>,
  options: GenerateOptions,
): AsyncIterable<number> {
  checkSampling(options);
  checkText(generator, prompt, options);
  return tokens(generator, Uint32Array.from(prompt), options);
}

async function* tokens(
  { executor, model }: TextGenerator,
  prompt: Uint32Array,
  options: GenerateOptions,
): AsyncGenerator<number, void> {
  const { maxTokens, endTokens = [], seed = 1, signal } = options;
  const random = randomStream(seed, "generate");
  const { vocabulary } = model;
  const read = (program: string, cursor: number, ids: Uint32Array, positions: Uint32Array) => {
    signal?.throwIfAborted();
    executor.write(BUFFERS.ids, ids);
    executor.write(BUFFERS.positions, positions);
    executor.write(BUFFERS.cursor, Uint32Array.of(cursor));
    executor.run(program);
  };
  // All of the prompt but its last token, whose logits are wanted.
  for (let first = 0; first < prompt.length - 1; first += PROMPT_BLOCK) {
    const ids = new Uint32Array(PROMPT_BLOCK), positions = new Uint32Array(PROMPT_BLOCK);
    const part = prompt.subarray(first, Math.min(first + PROMPT_BLOCK, prompt.length - 1));
    ids.set(part);
    // What fills up the last block stays at position 0; its keys are written over before anything reads them.
    part.forEach((_, t) => positions[t] = first + t);
    read(PROGRAMS.prompt, first / PROMPT_BLOCK, ids, positions);
    await letTasksRun();
  }
  let token = prompt[prompt.length - 1];
  for (let count = 0; count < maxTokens; count++) {
    const position = prompt.length - 1 + count;
    read(PROGRAMS.token, position, Uint32Array.of(token), Uint32Array.of(position));
    const logits = await executor.read(BUFFERS.logits, 0, vocabulary) as Float32Array;
    token = chooseToken(logits, options, random);
    if (endTokens.includes(token)) return;
    yield token;
    await letTasksRun();
  }
}

function checkText(
  { model, tokens }: TextGenerator,
  prompt: ArrayLike<number>,
  { maxTokens }: GenerateOptions,
): void {
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
    throw new UserError(
      `Cannot generate ${maxTokens} tokens: expected a whole number of at least 1`,
    );
  }
  if (prompt.length === 0) {
    throw new UserError("Cannot continue a prompt without tokens: expected at least one");
  }
  const stranger = Array.from(prompt).find((id) => !(id >= 0 && id < model.vocabulary));
  if (stranger !== undefined) {
    throw new UserError(
      `Cannot continue the prompt: expected token ids below ${model.vocabulary}, got ${stranger}`,
    );
  }
  if (prompt.length + maxTokens > tokens) {
    throw new UserError(
      `Cannot generate ${
        countOf(maxTokens, "token")
      } after a prompt of ${prompt.length}: expected at most ${tokens} in all, got ${
        prompt.length + maxTokens
      }`,
    );
  }
}
