/**
 * Conversations as tokens, by the tokenizer's own chat template, of which the assistant's replies are learned.
 *
 * Which tokens are a reply's is found as chat templates are used: what stands before a reply is what the template renders to ask for it, and the reply
 * is what the template then adds for it, its end of turn included. A template that renders the beginning of a conversation in another way than as the
 * beginning of the whole is refused.
 *
 * @module
 */

import { templateFailure } from "./chat_template.ts";
import { commonLength } from "./common_length.ts";
import type { Encoding } from "./encodings.ts";
import { DataError } from "./errors.ts";
import type { TokenizedText } from "./token_rows.ts";
import type { ChatMessage, ChatRenderer, Sample } from "./types.ts";

/** Set on the ids of learned tokens, so that one list holds both; ids lie below it. */
const LEARNED = 2 ** 31;

/**
 * Conversations under a template; {@linkcode learnedTokens} tells ids and learned tokens apart.
 *
 * Encoding throws DataError naming the sample whose conversation has no reply, or cannot be rendered.
 *
 * @param template Tells one template from another, for a cache of tokens.
 */
export function conversations(template: string): Encoding {
  return {
    key: ["chat", template],
    encoder({ chat }) {
      if (chat === undefined) {
        throw new DataError(
          "Cannot read conversations: the tokenizer of this model cannot render them; name a model with --model",
        );
      }
      return (sample) => encodeConversation(chat, sample);
    },
  };
}

/** A conversation's tokens, at most `maxLength`, from what {@linkcode conversations} encoded. */
export function learnedTokens(encoded: Uint32Array, maxLength: number): TokenizedText {
  const kept = encoded.subarray(0, maxLength);
  return {
    ids: kept.map((id) => id % LEARNED),
    learned: Uint8Array.from(kept, (id) => id >= LEARNED ? 1 : 0),
  };
}

function encodeConversation(chat: ChatRenderer, sample: Sample): Uint32Array {
  const messages: ChatMessage[] = JSON.parse(sample.text);
  const replies = messages.flatMap(({ role }, place) => role === "assistant" ? [place] : []);
  if (replies.length === 0) {
    throw failed(sample, 'expected at least one message of role "assistant", got none');
  }
  const render = (count: number, forReply: boolean): string => {
    try {
      return chat.render(messages.slice(0, count), forReply);
    } catch (error) {
      throw failed(sample, templateFailure(error));
    }
  };
  const text = render(messages.length, false);
  const ids = chat.encode(text);
  const encoded = ids.slice();
  /** How many tokens of the whole lie before the end of a part that it begins with; one across that end is not counted. */
  const tokensOf = (part: string): number => {
    if (!text.startsWith(part)) throw failed(sample, unstable(part, text));
    return commonLength(chat.encode(part), ids);
  };
  for (const place of replies) {
    const begin = tokensOf(render(place, true)), end = tokensOf(render(place + 1, false));
    for (let t = begin; t < end; t++) encoded[t] = ids[t] + LEARNED;
  }
  return encoded;
}

function unstable(part: string, text: string): string {
  const at = commonLength(part, text);
  const excerpt = (from: string) => JSON.stringify(from.slice(at, at + 30));
  return "the chat template does not render the beginning of a conversation as the beginning of the whole, so that replies cannot be told " +
    `from the rest: expected ${excerpt(part)} at character ${at}, got ${excerpt(text)}`;
}

function failed({ id }: Sample, why: string): DataError {
  return new DataError(`Cannot use the conversation of row "${id}": ${why}`);
}
