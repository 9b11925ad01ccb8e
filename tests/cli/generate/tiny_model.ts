/** A folder with a tiny Llama, whose tokens are the characters from "!" to "]". */

import { join } from "node:path";
import type { CreateTokenizer } from "../../../src/cli/generate/prompt.ts";
import { createTokenizer } from "../../../src/data/tokenizer.ts";
import type { ChatRenderer } from "../../../src/data/types.ts";
import { languageModelTensors } from "../../../src/lora/base_tensors.ts";
import { readModel } from "../../../src/models/mod.ts";
import { encodeSafetensors } from "../../../src/protocol/safetensors.ts";
import { DECODERS, tinyDecoder } from "../../generate/support.ts";

const vocab = Object.fromEntries(
  Array.from({ length: 61 }, (_, id) => [String.fromCharCode(33 + id), id]),
);
const tokenizer = {
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
  post_processor: null,
  decoder: { type: "ByteLevel" },
  model: { type: "BPE", merges: [], vocab },
};

/** Tokens that it takes: more than a test waits for. */
export const LONG_CONTEXT = 20_000;

/** The id of a character. */
export function idOf(character: string): number {
  return vocab[character];
}

/** The model's tokenizer, with a template that ends messages on a character, as in "U:HELLO&A:", and fails where one is "FAIL". */
export const chatting = (mark: string): CreateTokenizer => async (json, config) => {
  const tokenizer = await createTokenizer(json, config);
  const render: ChatRenderer["render"] = (messages, forReply) => {
    if (messages.some(({ content }) => content === "FAIL")) throw new Error("no\nat line 1");
    const letter = (role: string) => role[0].toUpperCase();
    return messages.map(({ role, content }) => `${letter(role)}:${content}${mark}`).join("") +
      (forReply ? "A:" : "");
  };
  return { ...tokenizer, chat: { render, encode: tokenizer.encode } };
};

/** What a tiny model's files say beside what all do. */
export interface TinySettings {
  /** Ids that end a text. */
  readonly endTokens?: readonly number[];
  /** A character that is a special token. */
  readonly special?: string;
  readonly chatTemplate?: string;
}

/** Writes the model. */
export async function writeTinyModel(
  folder: string,
  { endTokens, special, chatTemplate }: TinySettings = {},
): Promise<void> {
  const config = { ...DECODERS.llama, max_position_embeddings: LONG_CONTEXT };
  const model = readModel(config);
  const { weights } = tinyDecoder(config);
  const tensors = await Promise.all(
    [...languageModelTensors(model, () => true)].map(async ([name, shape]) => ({
      name,
      shape,
      data: await weights.load(name, shape),
    })),
  );
  await Deno.mkdir(folder, { recursive: true });
  const json = (name: string, value: unknown) =>
    Deno.writeTextFile(join(folder, name), JSON.stringify(value));
  await json("config.json", config);
  const added = special === undefined ? [] : [{ id: idOf(special), content: special }];
  const added_tokens = added.map((token) => ({ ...token, special: true }));
  await json("tokenizer.json", { ...tokenizer, added_tokens });
  if (chatTemplate) await json("tokenizer_config.json", { chat_template: chatTemplate });
  if (endTokens) await json("generation_config.json", { eos_token_id: endTokens });
  await Deno.writeFile(join(folder, "model.safetensors"), encodeSafetensors(tensors));
}
