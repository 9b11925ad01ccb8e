/** A model's part in a conversation. @module */

import { replyPrompt } from "../data/reply_prompt.ts";
import type { ChatMessage, ReversibleTokenizer } from "../data/types.ts";
import { generate, type GenerateOptions } from "./generate.ts";
import type { TextGenerator } from "./generator.ts";
import { createTextStream, type TextStream } from "./text_stream.ts";

/**
 * Generates the assistant's next reply in a conversation, whole characters at a time, by the tokenizer's own chat template. It ends with the turn, as
 * the template ends one, or before one of the options' end tokens.
 *
 * @param tokenizer the model's, with its chat template: see `withChatTemplate`
 * @param messages what was said so far, in the roles that the template knows
 * @throws UserError at once where the template is missing or fails, and as {@linkcode generate} does.
 * @throws RangeError while generating where the model's logits are not finite.
 *
 * @example A tiny model with random weights, whose tokens are characters
 * ```ts
 * import type { ChatMessage } from "../data/types.ts";
 * import { createCpuDevice } from "../engine/cpu/device.ts";
 * import { readModel } from "../models/mod.ts";
 * import { generateReply } from "./generate_reply.ts";
 * import { openGenerator } from "./generator.ts";
 *
 * const model = readModel({ model_type: "gpt2", vocab_size: 128, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 32 });
 * const weights = {
 *   load: (_: string, shape: readonly number[]) =>
 *     Promise.resolve(new Float32Array(shape.reduce((x, y) => x * y)).map((_, i) => Math.sin(i))),
 * };
 * const encode = (text: string) => new Uint32Array(new TextEncoder().encode(text));
 * const decode = (ids: ArrayLike<number>) => new TextDecoder().decode(Uint8Array.from(ids));
 * const render = (messages: readonly ChatMessage[], forReply: boolean) =>
 *   messages.map(({ role, content }) => `${role}:${content}|`).join("") + (forReply ? "assistant:" : "");
 * const tokenizer = { name: "letters", hash: "", padId: 0, encode, decode, chat: { render, encode } };
 *
 * const generator = await openGenerator(createCpuDevice({ threads: 1 }), { model, weights });
 * const messages = [{ role: "user", content: "Hi" }];
 * let text = "";
 * for await (const piece of generateReply(generator, tokenizer, messages, { maxTokens: 8, temperature: 0 })) {
 *   text += piece;
 * }
 * await generator.executor.close();
 * if (text === "") throw new Error("unreachable");
 * ```
 */
export function generateReply(
  generator: TextGenerator,
  tokenizer: ReversibleTokenizer,
  messages: readonly ChatMessage[],
  options: GenerateOptions,
): AsyncIterable<string> {
  const prompt = replyPrompt(tokenizer, messages);
  const endTokens = [...options.endTokens ?? [], ...prompt.endTokens];
  return textOf(
    generate(generator, prompt.ids, { ...options, endTokens }),
    createTextStream(tokenizer.decode, prompt.ids),
  );
}

async function* textOf(
  tokens: AsyncIterable<number>,
  stream: TextStream,
): AsyncGenerator<string, void> {
  for await (const id of tokens) {
    const piece = stream.push(id);
    if (piece !== "") yield piece;
  }
  const rest = stream.end();
  if (rest !== "") yield rest;
}
