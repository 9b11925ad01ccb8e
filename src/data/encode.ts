import { DataError } from "./errors.ts";
import type { TextTokenizer } from "./types.ts";

/** Tokens looked at beyond the wanted ones, so that what follows a cut cannot change them. */
const margin = 32;

/**
 * Makes an encoder that stops at `maxLength` tokens as Hugging Face's truncation does: the text is shortened, the
 * special tokens at the end stay.
 *
 * Of a long text only a beginning is tokenized, cut at white space: as much as yields `maxLength` tokens and a margin.
 *
 * @throws {DataError} where `maxLength` leaves no room for a token beside the special ones.
 */
export function truncatingEncoder(
  tokenizer: TextTokenizer,
  maxLength: number,
): (text: string) => Uint32Array {
  const closing = closingTokens(tokenizer);
  if (maxLength <= tokenizer.encode("").length) {
    throw new DataError(
      `Cannot truncate to ${maxLength} tokens: expected more than the ` +
        `${tokenizer.encode("").length} special tokens of "${tokenizer.name}"`,
    );
  }
  return (text) => {
    for (let limit = 6 * (maxLength + margin);; limit *= 2) {
      const cut = text.length > limit ? lastSpace(text, limit) : text.length;
      const ids = tokenizer.encode(text.slice(0, cut));
      if (cut < text.length && ids.length < maxLength + margin) continue;
      if (ids.length <= maxLength) return ids;
      const truncated = ids.slice(0, maxLength);
      truncated.set(closing, maxLength - closing.length);
      return truncated;
    }
  };
}

/** The special tokens behind every text: what the ids of an empty and of a short text end on alike. */
function closingTokens(tokenizer: TextTokenizer): Uint32Array {
  const empty = tokenizer.encode("");
  const short = tokenizer.encode("a");
  let opening = 0;
  while (opening < empty.length && empty[opening] === short[opening]) opening++;
  let closing = 0;
  while (
    closing < empty.length - opening &&
    empty[empty.length - 1 - closing] === short[short.length - 1 - closing]
  ) closing++;
  return empty.slice(empty.length - closing);
}

function lastSpace(text: string, limit: number): number {
  for (let i = limit; i > limit / 2; i--) {
    if (/\s/.test(text[i])) return i;
  }
  return text.length;
}
