/**
 * Labelled text on its way to the model: loading and stripping, tokenization with a cache, shares for clients, batches.
 *
 * Nothing here reads a file: bytes, caches and seeds are handed in.
 *
 * @module
 */

export * from "./batches.ts";
export * from "./builtin_corpus.ts";
export * from "./chat.ts";
export type { LabelUse } from "./columns.ts";
export * from "./encodings.ts";
export * from "./errors.ts";
export * from "./load.ts";
export { newsgroupNames } from "./newsgroups.ts";
export * from "./partition.ts";
export { type ReplyPrompt, replyPrompt } from "./reply_prompt.ts";
export * from "./split.ts";
export * from "./strip.ts";
export * from "./token_batches.ts";
export * from "./token_cache.ts";
export * from "./token_rows.ts";
export * from "./tokenizer.ts";
export { readTokenizerFacts, type TokenizerFacts } from "./tokenizer_files.ts";
export * from "./tokenizer_transformers.ts";
export * from "./types.ts";
