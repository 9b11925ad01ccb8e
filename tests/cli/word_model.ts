/** A folder with a tiny Llama, whose tokens are whole words, and rows for it. */

import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { CreateTokenizer } from "../../src/cli/generate/prompt.ts";
import { createTokenizer } from "../../src/data/mod.ts";
import type { ChatRenderer } from "../../src/data/types.ts";

const words = Array.from({ length: 61 }, (_, i) => `w${i + 3}`);

/** Writes the model, whose embeddings are tied. @param chatTemplate stands in its file where conversations are read; tests render them themselves. */
export async function writeWordModel(model: string, chatTemplate?: string): Promise<void> {
  await Deno.mkdir(model);
  const golden = new URL("../golden/llama3/", import.meta.url);
  for (const name of ["config.json", "model.safetensors"]) {
    await copyFile(new URL(name, golden), join(model, name));
  }
  const vocab = Object.fromEntries(["[UNK]", "[PAD]", "[END]", ...words].map((w, id) => [w, id]));
  const added_tokens = ["[UNK]", "[PAD]", "[END]"]
    .map((content, id) => ({ id, content, special: true }));
  const tokenizer = {
    added_tokens,
    normalizer: null,
    pre_tokenizer: { type: "Whitespace" },
    post_processor: null,
    decoder: null,
    model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", vocab },
  };
  await Deno.writeTextFile(join(model, "tokenizer.json"), JSON.stringify(tokenizer));
  const config = { tokenizer_class: "PreTrainedTokenizer", eos_token: "[END]" };
  await Deno.writeTextFile(join(model, "tokenizer_config.json"), JSON.stringify(config));
  if (chatTemplate === undefined) return;
  await Deno.writeTextFile(join(model, "chat_template.jinja"), chatTemplate);
}

/** The model's tokenizer, which renders a message as its role's word, its content and a word that ends it. */
export const createWordTokenizer: CreateTokenizer = async (json, config) => {
  const tokenizer = await createTokenizer(json, config);
  const render: ChatRenderer["render"] = (messages, forReply) =>
    messages.map(({ role, content }) => `${role === "user" ? "w3" : "w4"} ${content} w5 `).join(
      "",
    ) +
    (forReply ? "w4 " : "");
  return { ...tokenizer, chat: { render, encode: tokenizer.encode } };
};

/** Some words, another text for each number. */
export function wordText(i: number, count: number): string {
  return Array.from({ length: count }, (_, t) => words[(7 * i + 3 * t) % words.length]).join(" ");
}
