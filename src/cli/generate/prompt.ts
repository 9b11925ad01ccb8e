/** What a text is generated from. @module */

import { requireChatTemplate } from "../../data/chat_template.ts";
import { type ChatMessage, replyPrompt, type ReversibleTokenizer } from "../../data/mod.ts";
import { readEndTokens } from "../../generate/mod.ts";
import { UserError } from "../../protocol/errors.ts";
import { type ModelFiles, readTokenizerFiles, withChatTemplate } from "../../weights/mod.ts";

/** Makes a model's tokenizer from its parsed files. */
export type CreateTokenizer = (tokenizer: unknown, config: unknown) => Promise<ReversibleTokenizer>;

/** Where a prompt's tokens come from. */
export interface PromptSources {
  readonly files: ModelFiles;
  /** How many tokens the model knows. */
  readonly vocabulary: number;
  readonly createTokenizer: CreateTokenizer;
  /** Hears why a text may go on where an end is expected. */
  readonly note: (line: string) => void;
}

/** A prompt as the model reads it. */
export interface TokenizedPrompt {
  readonly tokenizer: ReversibleTokenizer;
  /** At least one token id. */
  readonly ids: Uint32Array;
  /** Ids that end the text. */
  readonly endTokens: readonly number[];
}

/**
 * A model's tokens of a text to continue, or of a conversation to reply in.
 *
 * @throws UserError when the model has no tokenizer or no chat template, its template fails, or there are no tokens.
 */
export async function tokenizePrompt(
  prompt: string | readonly ChatMessage[],
  { files, vocabulary, createTokenizer, note }: PromptSources,
): Promise<TokenizedPrompt> {
  const endTokens = await readEndTokens(files);
  for (const id of endTokens) {
    if (id < vocabulary) continue;
    note(
      `The model's files name the end token ${id}, which its vocabulary of ${vocabulary} does not have: it ends no text`,
    );
  }
  const found = await readTokenizerFiles(files);
  if (typeof prompt === "string") {
    const tokenizer = await createTokenizer(found.tokenizer, found.config);
    const ids = tokenizer.encode(prompt);
    if (ids.length > 0) return { tokenizer, ids, endTokens };
    throw new UserError(
      `Cannot continue --prompt ${
        JSON.stringify(prompt)
      }: it has no tokens; give a text of at least one`,
    );
  }
  const { tokenizer: json, config } = await withChatTemplate(files, found);
  const tokenizer = await createTokenizer(json, config);
  requireChatTemplate("--chat", tokenizer.name, config);
  const asked = replyPrompt(tokenizer, prompt);
  if (asked.ids.length === 0) {
    throw new UserError("Cannot reply to --prompt: the chat template makes no token of it");
  }
  if (asked.endTokens.length === 0) {
    note(
      "The chat template ends a reply with no special token, so that it may go on to --max-tokens",
    );
  }
  return { tokenizer, ids: asked.ids, endTokens: [...endTokens, ...asked.endTokens] };
}
