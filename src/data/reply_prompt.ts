/** Conversations that a model goes on with, by the tokenizer's own chat template. @module */

import { UserError } from "../protocol/errors.ts";
import { templateFailure } from "./chat_template.ts";
import { commonLength } from "./common_length.ts";
import type { ChatMessage, ChatRenderer, ReversibleTokenizer } from "./types.ts";

/** What asks for a reply, and what ends it. */
export interface ReplyPrompt {
  /** Token ids up to where the reply begins, special tokens included. */
  readonly ids: Uint32Array;
  /** The special token that the template ends a reply with; none where it writes none. */
  readonly endTokens: readonly number[];
}

/** A reply that a template is shown, for what it writes after one. */
const SOME_REPLY = "A reply";

/**
 * A conversation as the prompt of the assistant's next reply, as training has it: what the template renders to ask for a reply, and of what it then adds
 * to one the first special token, which ends the turn.
 *
 * @throws UserError where the tokenizer cannot render conversations, or its template fails.
 *
 * @example
 * ```ts
 * import { replyPrompt } from "./reply_prompt.ts";
 * import type { ChatMessage } from "./types.ts";
 * // Tokens are characters, of which "#" is a special one.
 * const encode = (text: string) => Uint32Array.from(text, (letter) => letter.charCodeAt(0));
 * const decode = (ids: ArrayLike<number>) => String.fromCharCode(...Array.from(ids)).replaceAll("#", "");
 * const render = (messages: readonly ChatMessage[], forReply: boolean) =>
 *   messages.map(({ role, content }) => `${role}: ${content}#`).join("") + (forReply ? "assistant: " : "");
 * const tokenizer = { name: "letters", hash: "", padId: 0, encode, decode, chat: { render, encode } };
 * const { ids, endTokens } = replyPrompt(tokenizer, [{ role: "user", content: "Hi" }]);
 * if (String.fromCharCode(...ids) !== "user: Hi#assistant: ") throw new Error("unreachable");
 * if (String.fromCharCode(...endTokens) !== "#") throw new Error("unreachable");
 * ```
 */
export function replyPrompt(
  { name, chat, decode }: ReversibleTokenizer,
  messages: readonly ChatMessage[],
): ReplyPrompt {
  if (chat === undefined) {
    throw new UserError(
      `Cannot ask for a reply: the tokenizer "${name}" does not render conversations`,
    );
  }
  const ids = chat.encode(render(chat, messages, true));
  const replied = render(chat, [...messages, { role: "assistant", content: SOME_REPLY }], false);
  const place = replied.lastIndexOf(SOME_REPLY);
  if (place < 0) return { ids, endTokens: [] }; // the template does not write a reply as it was said
  const whole = chat.encode(replied);
  const upToReply = replied.slice(0, place + SOME_REPLY.length);
  const after = whole.subarray(commonLength(chat.encode(upToReply), whole));
  // Texts leave special tokens out. Two, as a space may be left out too where a text begins with it.
  const endId = after.find((id) => decode([id, id]) === "");
  return { ids, endTokens: endId === undefined ? [] : [endId] };
}

function render(chat: ChatRenderer, messages: readonly ChatMessage[], forReply: boolean): string {
  try {
    return chat.render(messages, forReply);
  } catch (error) {
    throw new UserError(`Cannot ask for a reply: ${templateFailure(error)}`, { cause: error });
  }
}
