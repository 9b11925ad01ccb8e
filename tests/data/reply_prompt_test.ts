import assert from "node:assert/strict";
import { conversations, learnedTokens } from "../../src/data/chat.ts";
import { replyPrompt } from "../../src/data/reply_prompt.ts";
import type { ChatRenderer, ReversibleTokenizer } from "../../src/data/types.ts";

/** A token a character, of which "|" and "#" are special; texts lose a space at their beginning, as SentencePiece's do. */
function tokenizerOf(render?: ChatRenderer["render"]): ReversibleTokenizer {
  const encode = (text: string) => Uint32Array.from(text, (letter) => letter.charCodeAt(0));
  return {
    ...{ name: "letters", hash: "letters", padId: 0, encode },
    decode: (ids) => String.fromCharCode(...Array.from(ids)).replace(/[|#]/g, "").replace(/^ /, ""),
    ...(render && { chat: { render, encode } }),
  };
}

/** Messages, each followed by a text. */
const endingOn = (end: string) =>
  tokenizerOf((messages, forReply) =>
    messages.map(({ role, content }) => `|${role}:${content}${end}`).join("") +
    (forReply ? "|assistant:" : "")
  );

const hello = [{ role: "user", content: "A reply" }];

function replyTo(tokenizer: ReversibleTokenizer): readonly [prompt: string, end: string] {
  const { ids, endTokens } = replyPrompt(tokenizer, hello);
  return [String.fromCharCode(...ids), String.fromCharCode(...endTokens)];
}

Deno.test("replyPrompt() ends where the template asks for a reply, and tells what ends one", () => {
  assert.deepEqual(replyTo(endingOn("#")), ["|user:A reply#|assistant:", "#"]);
});

Deno.test("replyPrompt() takes the first special token after a reply, whatever text lies before it", () => {
  assert.deepEqual(replyTo(endingOn(" #\n|")), ["|user:A reply #\n||assistant:", "#"]);
  assert.deepEqual(replyTo(endingOn("\n\n")), ["|user:A reply\n\n|assistant:", ""]);
  assert.deepEqual(replyTo(endingOn("")), ["|user:A reply|assistant:", ""]);
});

Deno.test("replyPrompt() knows no end where the template does not write a reply as it was said", () => {
  const shouting = tokenizerOf((messages, forReply) =>
    "|begin#" + messages.map(({ content }) => content.toUpperCase()).join("#") +
    (forReply ? "#" : "")
  );
  assert.deepEqual(replyTo(shouting), ["|begin#A REPLY#", ""]);
});

Deno.test("replyPrompt() asks as training does, which learns its end token last", () => {
  const tokenizer = endingOn("#");
  const conversation = [...hello, { role: "assistant", content: "Yes" }];
  const sample = { id: "1", text: JSON.stringify(conversation), label: "" };
  const encoded = conversations("test").encoder(tokenizer)(sample);
  const { ids, learned } = learnedTokens(encoded, Infinity);
  const prompt = replyPrompt(tokenizer, hello);
  assert.deepEqual(ids.slice(0, learned.indexOf(1)), prompt.ids);
  assert.deepEqual([ids[learned.lastIndexOf(1)]], prompt.endTokens);
});

Deno.test("replyPrompt() takes a mark for text where the tokenizer does", () => {
  // As some tokenizers do, this one knows its special token at the beginning and behind a space alone.
  const encode = (text: string) =>
    Uint32Array.from(
      text.match(/ #|./gs) ?? [],
      (piece, place) => piece === " #" || piece === "#" && place === 0 ? 1 : piece.charCodeAt(0),
    );
  const decode = (ids: ArrayLike<number>) =>
    String.fromCharCode(...Array.from(ids).filter((id) => id !== 1));
  for (const [end, known] of [[" #\n", [1]], ["#\n", []]] as const) {
    const tokenizer = endingOn(end);
    const chat = { render: tokenizer.chat!.render, encode };
    assert.deepEqual(replyPrompt({ ...tokenizer, decode, chat }, hello).endTokens, known);
  }
});

Deno.test("replyPrompt() says that a template fails in one line, and that there is none", () => {
  const failing = tokenizerOf(() => {
    throw new Error("System role not supported\nat line 3");
  });
  assert.throws(
    () => replyPrompt(failing, hello),
    /^UserError: Cannot ask for a reply: the chat template failed: System role not supported$/,
  );
  assert.throws(
    () => replyPrompt(tokenizerOf(), hello),
    /^UserError: Cannot ask for a reply: the tokenizer "letters" does not render conversations$/,
  );
});
