/** Text that appears as its tokens are generated. @module */

/** Turns token ids into text, one after the other. */
export interface TextStream {
  /** What the next token adds; "" while a character is not complete. */
  push(id: number): string;
  /** What is left when no token follows: incomplete characters as U+FFFD. */
  end(): string;
}

/** Tokenizers show each byte of an incomplete character, or the character, as one U+FFFD; one lacks up to three bytes. */
const INCOMPLETE = /\ufffd{1,3}$/;

/**
 * Streams the text of generated tokens: whole characters only, and together what decoding all tokens at once would add to the prompt's text.
 *
 * A token's text may depend on the one before it (a leading space is dropped at the start of a text), so a few tokens are decoded again with each new one.
 *
 * @param decode a tokenizer's, which shows incomplete characters as U+FFFD
 * @param prompt ids of what the text goes on from
 *
 * @example
 * ```ts
 * import { createTextStream } from "./text_stream.ts";
 * const bytes = new TextEncoder().encode("né");
 * const decode = (ids: ArrayLike<number>) => new TextDecoder().decode(Uint8Array.from(ids));
 * const stream = createTextStream(decode, []);
 * const pieces = [...bytes].map((id) => stream.push(id));
 * if (pieces.join("|") !== "n||é") throw new Error(pieces.join("|"));
 * ```
 */
export function createTextStream(
  decode: (ids: ArrayLike<number>) => string,
  prompt: ArrayLike<number>,
): TextStream {
  // The last tokens of what was shown, then those that came since.
  let ids = Array.from(prompt).slice(-PROMPT_TOKENS);
  let fresh = 0;
  let text = decode(ids);
  let shown = text.length;
  return {
    push(id) {
      ids.push(id);
      fresh++;
      text = decode(ids);
      const complete = text.search(INCOMPLETE);
      const end = complete < 0 ? text.length : complete;
      if (end <= shown) return "";
      const piece = text.slice(shown, end);
      shown = end;
      if (complete < 0) {
        ids = ids.slice(-fresh);
        fresh = 0;
        text = decode(ids);
        shown = text.length;
      }
      return piece;
    },
    end: () => text.slice(shown),
  };
}

/** Tokens of the prompt that the first one is decoded after. */
const PROMPT_TOKENS = 8;
