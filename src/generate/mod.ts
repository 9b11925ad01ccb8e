/**
 * Text from a decoder: {@linkcode openGenerator} puts a model, with an adapter or without, on a device, {@linkcode generate} continues a prompt token by token,
 * {@linkcode createTextStream} shows the tokens as text, and {@linkcode generateReply} answers in a conversation.
 *
 * @module
 */

export { readEndTokens } from "./end_tokens.ts";
export { generate, type GenerateOptions } from "./generate.ts";
export { generateReply } from "./generate_reply.ts";
export { type GeneratorSources, openGenerator, type TextGenerator } from "./generator.ts";
export { type SamplingOptions, type TokenDistribution, tokenDistribution } from "./sampling.ts";
export { createTextStream, type TextStream } from "./text_stream.ts";
