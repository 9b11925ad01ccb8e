/** How samples become tokens, by what they are for. @module */

import { truncatingEncoder } from "./encode.ts";
import type { Sample, TextTokenizer } from "./types.ts";

/** A way to turn samples into token ids. */
export interface Encoding {
  /** Tells it from other ways in a cache of tokens. */
  readonly key: number | string | readonly (number | string)[];
  /** What encodes samples with a tokenizer; may throw DataError naming a sample. */
  encoder(tokenizer: TextTokenizer): (sample: Sample) => Uint32Array;
}

/**
 * Texts, each shortened to at most `maxLength` tokens; the special tokens at its end stay.
 *
 * Making the encoder throws DataError where `maxLength` leaves no room for a token beside the special ones.
 */
export function truncated(maxLength: number): Encoding {
  return {
    key: maxLength,
    encoder(tokenizer) {
      const encode = truncatingEncoder(tokenizer, maxLength);
      return ({ text }) => encode(text);
    },
  };
}

/** Texts, all of each. */
export const whole: Encoding = {
  key: "whole",
  encoder: (tokenizer) => ({ text }) => tokenizer.encode(text),
};
