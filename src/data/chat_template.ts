/** Chat templates that are missing, or fail. @module */

import { UserError } from "../protocol/errors.ts";

/**
 * The chat template of a tokenizer's configuration.
 *
 * @param use what needs it, and
 * @param tokenizer what the tokenizer is called, as the error names them
 * @throws UserError where there is none.
 */
export function requireChatTemplate(use: string, tokenizer: string, config: unknown): unknown {
  const { chat_template: template } = config as { readonly chat_template?: unknown };
  if (template) return template; // the empty text is none to transformers.js either
  throw new UserError(
    `Cannot use ${use}: the tokenizer "${tokenizer}" has no chat template; expected chat_template.jinja, or "chat_template" in tokenizer_config.json`,
  );
}

/** Why a template failed, in one line. */
export function templateFailure(error: unknown): string {
  return `the chat template failed: ${(error as Error).message.split("\n")[0]}`;
}
