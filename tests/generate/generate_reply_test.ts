import assert from "node:assert/strict";
import type { ChatMessage, ReversibleTokenizer } from "../../src/data/types.ts";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { generateReply } from "../../src/generate/generate_reply.ts";
import { openGenerator } from "../../src/generate/generator.ts";
import { continuations } from "./continuations.ts";
import { DECODERS, tinyDecoder } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });
const sources = tinyDecoder(DECODERS.gpt2);
const options = { maxTokens: 20, temperature: 0 };

const encode = (text: string) => Uint32Array.from(text, (letter) => letter.charCodeAt(0) - 33);

/** Tokens are the characters from "!" to "]", of which one is special and ends messages. */
function tokenizerOf(mark: string): ReversibleTokenizer {
  const render = (messages: readonly ChatMessage[], forReply: boolean) =>
    messages.map(({ content }) => content + mark).join("") + (forReply ? ":" : "");
  return {
    ...{ name: "letters", hash: "letters", padId: 0, encode },
    decode: (ids) => letters(ids).replaceAll(mark, ""),
    chat: { render, encode },
  };
}

function letters(ids: ArrayLike<number>): string {
  return String.fromCharCode(...Array.from(ids, (id) => id + 33));
}

const messages = [{ role: "user", content: "HI" }, { role: "assistant", content: "YES" }];

/** A mark that the greedy continuation of the conversation with it has in some later place, and the text before it. */
async function markedReply(): Promise<readonly [mark: string, text: string]> {
  for (const mark of letters(Array.from({ length: 61 }, (_, id) => id))) {
    const prompt = [...encode(`HI${mark}YES${mark}:`)];
    const text = letters((await continuations(cpu, sources, [prompt], options))[0]);
    if (text.indexOf(mark) > 2) return [mark, text.split(mark)[0]];
  }
  throw new Error("expected a reply that ends");
}

Deno.test("generateReply() gives the text up to the end of the turn, or an end token before it", async () => {
  const [mark, text] = await markedReply();
  const generator = await openGenerator(cpu, sources);
  const reply = async (endTokens: readonly number[]) =>
    await Array.fromAsync(
      generateReply(generator, tokenizerOf(mark), messages, { ...options, endTokens }),
    );
  assert.deepEqual(await reply([]), [...text], "a character is a piece");
  const last = text[text.length - 1];
  assert.deepEqual(await reply([...encode(last)]), [...text.split(last)[0]]);
  await generator.executor.close();
});

Deno.test("generateReply() says at once what cannot be", async () => {
  const generator = await openGenerator(cpu, { ...sources, tokens: 20 });
  const refused = (tokenizer: ReversibleTokenizer, message: RegExp) =>
    assert.throws(() => generateReply(generator, tokenizer, messages, options), message);
  refused(tokenizerOf("!"), /^UserError: Cannot generate 20 tokens after a prompt of 8: /);
  const { chat: _, ...plain } = tokenizerOf("!");
  refused(plain, /^UserError: Cannot ask for a reply: /);
  await generator.executor.close();
});
