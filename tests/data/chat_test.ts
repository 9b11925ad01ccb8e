import assert from "node:assert/strict";
import { conversations, learnedTokens } from "../../src/data/chat.ts";
import { DataError } from "../../src/data/errors.ts";
import type { ChatMessage, ChatRenderer, Sample, TextTokenizer } from "../../src/data/types.ts";

/** A token a character, but "ab" is one, of id 1, as a tokenizer with merges has it. */
const encode = (text: string): Uint32Array =>
  Uint32Array.from(
    text.match(/ab|./gs) ?? [],
    (piece) => piece === "ab" ? 1 : piece.charCodeAt(0),
  );

function tokenizerOf(render: ChatRenderer["render"]): TextTokenizer {
  return { name: "letters", hash: "letters", padId: 0, encode, chat: { render, encode } };
}

/** ChatML, in short: each message between marks, a reply asked for by its opening mark. */
const chatml = tokenizerOf((messages, forReply) =>
  messages.map(({ role, content }) => `<${role[0]}:${content}>\n`).join("") +
  (forReply ? "<a:" : "")
);

function sampleOf(...messages: [role: string, content: string][]): Sample {
  const list = messages.map(([role, content]): ChatMessage => ({ role, content }));
  return { id: "7", text: JSON.stringify(list), label: "" };
}

/** The text of what is learned, gaps as "|". */
function learnedText(tokenizer: TextTokenizer, sample: Sample, maxLength = Infinity): string {
  const encoded = conversations("test").encoder(tokenizer)(sample);
  const { ids, learned } = learnedTokens(encoded, maxLength);
  const text = [...ids].map((id, t) =>
    learned[t] ? id === 1 ? "ab" : String.fromCharCode(id) : "|"
  );
  return text.join("").replace(/\|+/g, "|");
}

Deno.test("conversations() learns the replies with their ends, and nothing else", () => {
  const sample = sampleOf(
    ["system", "be kind"],
    ["user", "hi"],
    ["assistant", "hello"],
    [
      "user",
      "and?",
    ],
    ["assistant", "bye"],
    ["user", "ok"],
  );
  assert.equal(learnedText(chatml, sample), "|hello>\n|bye>\n|");
});

Deno.test("conversations() keeps the ids of the whole conversation", () => {
  const sample = sampleOf(["user", "hi"], ["assistant", "yes"]);
  const { ids } = learnedTokens(conversations("test").encoder(chatml)(sample), Infinity);
  assert.deepEqual(ids, encode("<u:hi>\n<a:yes>\n"));
});

Deno.test("conversations() counts a token across the beginning of a reply to the reply, one across its end not", () => {
  // What stands before a reply ends on "a", and the reply begins with "b".
  const merging = tokenizerOf((messages) => messages.map(({ content }) => `${content}a`).join(""));
  const sample = sampleOf(["user", "x"], ["assistant", "bye"], ["user", "bz"]);
  // xa|byea|bza: the first "ab" holds the reply's "b", the second the user's.
  assert.equal(learnedText(merging, sample), "|abye|");
});

Deno.test("learnedTokens() keeps the beginning of a conversation", () => {
  const sample = sampleOf(["user", "hi"], ["assistant", "hello"]);
  assert.equal(learnedText(chatml, sample, 13), "|hel");
  assert.equal(learnedText(chatml, sample, 5), "|");
});

function refusal(tokenizer: TextTokenizer, sample: Sample, message: RegExp): void {
  assert.throws(() => conversations("test").encoder(tokenizer)(sample), (error: Error) => {
    assert.ok(error instanceof DataError);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

Deno.test("conversations() names the row whose template fails, in one line", () => {
  const failing = tokenizerOf((messages) => {
    if (messages.length > 1) throw new Error("roles must alternate\nat line 3");
    return "text";
  });
  refusal(
    failing,
    sampleOf(["user", "a"], ["assistant", "b"]),
    /^Cannot use the conversation of row "7": the chat template failed: roles must alternate$/,
  );
});

Deno.test("conversations() names the row of a template that changes what it has rendered", () => {
  // As some do, it drops the reasoning of all replies but the last.
  const forgetful = tokenizerOf((messages, forReply) =>
    messages.map(({ role, content }, i) =>
      role === "assistant" && i < messages.length - 1 ? "[]" : `[${content}]`
    ).join("") + (forReply ? "[" : "")
  );
  const turns = [["user", "a"], ["assistant", "thought"], ["user", "b"], [
    "assistant",
    "c",
  ]] as const;
  refusal(
    forgetful,
    sampleOf(...turns.map(([role, content]): [string, string] => [role, content])),
    /^Cannot use the conversation of row "7": .* expected "thought\]" at character 4, got "\]\[b\]\[c\]"$/,
  );
});

Deno.test("conversations() names the row without a reply, and the tokenizer without templates", () => {
  refusal(chatml, sampleOf(["user", "a"]), /row "7": expected at least one message of role "assi/);
  const { chat: _, ...plain } = chatml;
  refusal(plain, sampleOf(["user", "a"]), /^Cannot read conversations: .* --model$/);
});
