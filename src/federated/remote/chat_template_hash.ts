import { chatTemplateOf } from "../../data/chat_template.ts";
import { sha256Hex } from "../../protocol/hash.ts";

/**
 * Tells one chat template from another: what a model's tokenizer_config.json does not have may stand in a file of its own.
 *
 * @param config the tokenizer's, with the template
 * @returns 64 hexadecimal digits; undefined where there is no template.
 */
export async function chatTemplateHash(config: unknown): Promise<string | undefined> {
  const template = chatTemplateOf(config);
  if (template === undefined) return undefined;
  return await sha256Hex(new TextEncoder().encode(JSON.stringify(template)));
}
