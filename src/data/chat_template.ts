/** Chat templates that are missing, or fail. @module */

import { UserError } from "../protocol/errors.ts";

/** The chat template of a tokenizer's configuration; undefined where there is none. */
export function chatTemplateOf(config: unknown): unknown {
  const { chat_template: template } = config as { readonly chat_template?: unknown };
  return template || undefined; // the empty text is none to transformers.js either
}

/**
 * The chat template of a tokenizer's configuration, which has to have one.
 *
 * @param use what needs it, and
 * @param tokenizer what the tokenizer is called, as the error names them
 * @throws UserError where there is none.
 */
export function requireChatTemplate(use: string, tokenizer: string, config: unknown): unknown {
  const template = chatTemplateOf(config);
  if (template !== undefined) return template;
  throw new UserError(
    `Cannot use ${use}: the tokenizer "${tokenizer}" has no chat template; expected chat_template.jinja, or "chat_template" in tokenizer_config.json`,
  );
}

/** Why a template failed, in one line. */
export function templateFailure(error: unknown): string {
  return `the chat template failed: ${(error as Error).message.split("\n")[0]}`;
}
