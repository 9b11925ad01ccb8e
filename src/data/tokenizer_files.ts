/**
 * What a tokenizer's JSON files say without loading a tokenizer: enough to look up cached tokens and to pad batches.
 *
 * @module
 */

import { MissingTokenizerError } from "./errors.ts";
import { sha256Hex } from "../protocol/hash.ts";
import type { ChatMessage, ChatRenderer, ReversibleTokenizer } from "./types.ts";

/** A tokenizer's identity and padding. */
export interface TokenizerFacts {
  /** The tokenizer's class as its configuration names it. */
  readonly name: string;
  /** SHA-256, in hex, of both JSON texts. */
  readonly hash: string;
  /** Id that fills the masked end of short rows. */
  readonly padId: number;
  /** Id of the token that ends a text; absent where the configuration names none. */
  readonly endId?: number;
}

/** Parsed `tokenizer.json` and `tokenizer_config.json`. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly tokenizer: Record<string, unknown>;
  /** `tokenizer_config.json` */
  readonly config: Record<string, unknown>;
}

/**
 * Checks that the files are there and are objects. A missing configuration counts as an empty one.
 *
 * @throws {MissingTokenizerError} where `tokenizerJson` is missing or is no tokenizer.
 */
export function checkTokenizerFiles(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
): TokenizerFiles {
  if (tokenizerJson === undefined || tokenizerJson === null) {
    throw new MissingTokenizerError('Cannot tokenize: expected a "tokenizer.json", got none');
  }
  if (!isRecord(tokenizerJson) || !isRecord(tokenizerJson.model)) {
    throw new MissingTokenizerError(
      'Cannot tokenize: expected "tokenizer.json" to hold an object with a "model"',
    );
  }
  return { tokenizer: tokenizerJson, config: isRecord(tokenizerConfig) ? tokenizerConfig : {} };
}

/**
 * Reads a tokenizer's facts. The padding token is the configuration's `pad_token`, otherwise its `eos_token`,
 * otherwise id 0; padding is masked, so that any id will do.
 *
 * @throws {MissingTokenizerError} where `tokenizerJson` is missing or is no tokenizer.
 */
export async function readTokenizerFacts(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
): Promise<TokenizerFacts> {
  const { tokenizer, config } = checkTokenizerFiles(tokenizerJson, tokenizerConfig);
  const text = JSON.stringify(tokenizer) + "\n" + JSON.stringify(config);
  const endId = tokenId(tokenizer, config.eos_token);
  return {
    name: typeof config.tokenizer_class === "string" ? config.tokenizer_class : "tokenizer",
    hash: await sha256Hex(new TextEncoder().encode(text)),
    padId: tokenId(tokenizer, config.pad_token) ?? endId ?? 0,
    ...(endId !== undefined && { endId }),
  };
}

/** The id of a special token, which configurations write as a text or as an object with `content`. */
function tokenId(tokenizer: Record<string, unknown>, token: unknown): number | undefined {
  const content = isRecord(token) ? token.content : token;
  if (typeof content !== "string") return undefined;
  const added = Array.isArray(tokenizer.added_tokens) ? tokenizer.added_tokens : [];
  const match = added.find((entry) => isRecord(entry) && entry.content === content);
  if (isRecord(match) && typeof match.id === "number") return match.id;
  const vocabulary = isRecord(tokenizer.model) ? tokenizer.model.vocab : undefined;
  if (Array.isArray(vocabulary)) { // Unigram: [token, score] pairs, the id being the place
    const place = vocabulary.findIndex((entry) => Array.isArray(entry) && entry[0] === content);
    return place < 0 ? undefined : place;
  }
  if (!isRecord(vocabulary) || !Object.hasOwn(vocabulary, content)) return undefined;
  return Number(vocabulary[content]);
}

/** What both tokenizer engines have, and what one of them has beside. */
export interface TokenizerEngine {
  /** Token ids, special tokens included unless the options say otherwise. */
  encode(text: string, options?: { add_special_tokens: boolean }): ArrayLike<number>;
  /** The text of ids; RangeError for none. */
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  /** A conversation by the tokenizer's chat template; throws where there is none or it fails. */
  apply_chat_template?(
    conversation: readonly ChatMessage[],
    options: { tokenize: boolean; add_generation_prompt: boolean },
  ): unknown;
}

/** As texts were: whatever spaces a tokenizer's configuration would clean up stay, so that a text never changes when tokens are added. */
const DECODING = { skip_special_tokens: true, clean_up_tokenization_spaces: false };

/**
 * Builds a tokenizer and encodes a word with it, so that files the engine cannot use are found here.
 *
 * @throws {MissingTokenizerError} with what the engine said.
 */
export function buildTokenizer(
  facts: TokenizerFacts,
  build: () => TokenizerEngine,
): ReversibleTokenizer {
  try {
    const engine = build();
    const tokenizer = {
      ...facts,
      encode: (text: string) => Uint32Array.from(engine.encode(text), wholeId),
      // Both engines refuse an empty list.
      decode: (ids: ArrayLike<number>) =>
        ids.length === 0 ? "" : engine.decode(Array.from(ids), DECODING),
      ...(engine.apply_chat_template && { chat: rendererOf(engine) }),
    };
    tokenizer.encode("a word");
    return tokenizer;
  } catch (error) {
    throw new MissingTokenizerError(
      `Cannot tokenize: "tokenizer.json" is not one this program can use (${
        (error as Error).message
      })`,
      { cause: error },
    );
  }
}

function rendererOf(engine: TokenizerEngine): ChatRenderer {
  return {
    render: (messages, forReply) =>
      String(
        engine.apply_chat_template?.(messages, {
          tokenize: false,
          add_generation_prompt: forReply,
        }),
      ),
    encode: (rendered) =>
      Uint32Array.from(engine.encode(rendered, { add_special_tokens: false }), wholeId),
  };
}

/** Uint32Array would round or wrap what is no token id. */
function wholeId(id: number): number {
  if (Number.isInteger(id) && id >= 0 && id <= 0xFFFFFFFF) return id;
  throw new TypeError(`expected token ids, got ${id}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
