import type { Encoding } from "./encodings.ts";
import { sha256Hex } from "../protocol/hash.ts";
import { packTokens, tokenFormatVersion, unpackTokens } from "./token_format.ts";
import type { Sample, TextTokenizer, TokenizedSample } from "./types.ts";

/** Where tokens are kept between runs. Keys are file-name safe. */
export interface TokenCache {
  /** The bytes under a key, undefined where there are none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keeps bytes under a key, in place of what was there. */
  set(key: string, bytes: Uint8Array): Promise<void>;
}

/** A tokenizer that is loaded only when something has to be tokenized. */
export interface LazyTokenizer {
  /** As {@linkcode TextTokenizer} has it. */
  readonly hash: string;
  /** Called at most once for each `encodeAll`. */
  load(): Promise<TextTokenizer>;
}

/** Told how many samples are tokenized; not called where the cache has them all. */
export type EncodeProgress = (done: number, total: number) => void;

/** Characters between two turns of the event loop, so that progress is drawn and Ctrl-C is heard. */
const turnCharacters = 100_000;

/**
 * Token ids of every sample, special tokens included.
 *
 * Ids are kept in `cache` under a hash of the samples (ids and texts), the tokenizer and the encoding. A kept entry
 * that does not check out is ignored and written anew. With everything in the cache, the tokenizer is not loaded.
 *
 * @returns As many id lists as samples, in their order.
 * @throws what the encoding throws.
 *
 * @example
 * ```ts
 * import { truncated } from "./encodings.ts";
 * import { encodeAll } from "./token_cache.ts";
 * const kept = new Map<string, Uint8Array>();
 * const cache = {
 *   get: (key: string) => Promise.resolve(kept.get(key)),
 *   set: (key: string, bytes: Uint8Array) => Promise.resolve(void kept.set(key, bytes)),
 * };
 * const letters = {
 *   name: "letters", hash: "letters-1", padId: 0,
 *   encode: (text: string) => Uint32Array.from(text, (letter) => letter.charCodeAt(0) - 96),
 * };
 * const tokenizer = { hash: letters.hash, load: () => Promise.resolve(letters) };
 * const [ids] = await encodeAll([{ id: "1", text: "abc", label: "x" }], tokenizer, truncated(2), cache);
 * if (ids.join() !== "1,2") throw new Error("unreachable");
 * ```
 */
export async function encodeAll(
  samples: readonly Sample[],
  tokenizer: LazyTokenizer,
  encoding: Encoding,
  cache?: TokenCache,
  onProgress?: EncodeProgress,
): Promise<Uint32Array[]> {
  const key = await cacheKey(samples, tokenizer.hash, encoding.key);
  const kept = await cache?.get(key);
  const tokens = kept && await unpackTokens(kept, samples.length);
  if (tokens) return tokens;
  const encode = encoding.encoder(await tokenizer.load());
  const encoded: Uint32Array[] = [];
  let characters = 0;
  for (const sample of samples) {
    encoded.push(encode(sample));
    characters += sample.text.length;
    if (characters < turnCharacters) continue;
    characters = 0;
    onProgress?.(encoded.length, samples.length);
    await new Promise((resolve) => setTimeout(resolve));
  }
  onProgress?.(samples.length, samples.length);
  await cache?.set(key, await packTokens(encoded));
  return encoded;
}

/**
 * Joins samples with their token ids.
 *
 * @throws {RangeError} where a sample's label is not in `labels` or the lengths differ.
 */
export function tokenizedSamples(
  samples: readonly Sample[],
  ids: readonly Uint32Array[],
  labels: readonly string[],
): TokenizedSample[] {
  if (ids.length !== samples.length) {
    throw new RangeError(
      `Cannot join tokens: expected ${samples.length} id lists, got ${ids.length}`,
    );
  }
  const places = new Map(labels.map((label, place) => [label, place]));
  return samples.map(({ id, label }, i) => {
    const place = places.get(label);
    if (place === undefined) {
      throw new RangeError(`Cannot number the label "${label}" of sample "${id}": it is not known`);
    }
    return { ids: ids[i], label: place };
  });
}

async function cacheKey(
  samples: readonly Sample[],
  hash: string,
  encoding: Encoding["key"],
): Promise<string> {
  const parts = [tokenFormatVersion, hash, encoding, samples.map(({ id, text }) => [id, text])];
  return await sha256Hex(new TextEncoder().encode(JSON.stringify(parts)));
}
