/** Which ids of a tokenizer play which part in pretraining. @module */

import { UserError } from "../../protocol/errors.ts";
import type { SpecialIds } from "./model_config.ts";
import type { TokenizerJson } from "./tokenize_corpus.ts";

interface Added {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

/**
 * Reads the ids by the names that `tokenizer_config.json` gives them.
 *
 * @throws UserError when the tokenizer lacks a token that the objective needs.
 */
export function readSpecialIds(
  { tokenizer, config }: TokenizerJson,
  objective: "masked" | "next",
): SpecialIds & { readonly mask: number | undefined } {
  const vocab = (tokenizer.model as { readonly vocab: Readonly<Record<string, number>> }).vocab;
  const added = (tokenizer.added_tokens ?? []) as readonly Added[];
  const idOf = (...names: readonly string[]): number | undefined => {
    for (const name of names) {
      const token = config[name];
      const content = typeof token === "object" && token !== null
        ? (token as { readonly content?: unknown }).content
        : token;
      if (typeof content !== "string") continue;
      const id = added.find((entry) => entry.content === content)?.id ?? vocab[content];
      if (id !== undefined) return id;
    }
    return undefined;
  };
  const required = (id: number | undefined, name: string): number => {
    if (id !== undefined) return id;
    throw new UserError(
      `Cannot pretrain with objective "${objective}": expected a tokenizer whose tokenizer_config.json names a "${name}"`,
    );
  };
  if (objective === "next") {
    const end = required(idOf("eos_token", "sep_token"), "eos_token");
    return { pad: idOf("pad_token") ?? end, start: idOf("bos_token"), end, mask: undefined };
  }
  return {
    pad: idOf("pad_token") ?? 0,
    start: required(idOf("cls_token", "bos_token"), "cls_token"),
    end: required(idOf("sep_token", "eos_token"), "sep_token"),
    mask: required(idOf("mask_token"), "mask_token"),
  };
}

/** All special ids: never predicted. */
export function specialIdSet(tokenizer: Record<string, unknown>): ReadonlySet<number> {
  const added = (tokenizer.added_tokens ?? []) as readonly Added[];
  return new Set(added.filter(({ special }) => special !== false).map(({ id }) => id));
}
