/** Which ids of a tokenizer play which part in pretraining. @module */

import { UserError } from "../../protocol/errors.ts";
import { addedTokens, idOfToken, type TokenizerJson } from "./tokenizer_json.ts";

/** Ids of special tokens. */
export interface SpecialIds {
  readonly pad: number;
  /** Begins a row of masked tokens, and a text; undefined where the tokenizer has no such token and none is needed. */
  readonly start: number | undefined;
  /** Ends a text. */
  readonly end: number;
  /** Undefined where nothing is masked. */
  readonly mask: number | undefined;
}

/**
 * Reads the ids by the names that `tokenizer_config.json` gives them.
 *
 * @throws UserError when the tokenizer lacks a token that the objective needs.
 */
export function readSpecialIds(
  { tokenizer, config }: TokenizerJson,
  objective: "masked" | "next",
): SpecialIds {
  const idOf = (...names: readonly string[]): number | undefined => {
    for (const name of names) {
      const content = contentOf(config[name]);
      const id = content === undefined ? undefined : idOfToken(tokenizer, content);
      if (id !== undefined) return id;
    }
    return undefined;
  };
  const required = (...names: readonly string[]): number => {
    const id = idOf(...names);
    if (id !== undefined) return id;
    throw new UserError(
      `Cannot pretrain with objective "${objective}": expected a tokenizer whose tokenizer_config.json names a "${
        names[0]
      }"`,
    );
  };
  if (objective === "next") {
    const end = required("eos_token", "sep_token");
    return { pad: idOf("pad_token") ?? end, start: idOf("bos_token"), end, mask: undefined };
  }
  return {
    pad: idOf("pad_token") ?? 0,
    start: required("cls_token", "bos_token"),
    end: required("sep_token", "eos_token"),
    mask: required("mask_token"),
  };
}

/** All ids that are never predicted. */
export function specialIdSet(
  tokenizer: TokenizerJson["tokenizer"],
  { pad, start, end, mask }: SpecialIds,
): ReadonlySet<number> {
  const added = addedTokens(tokenizer).filter(({ special }) => special !== false);
  const named = [pad, start, end, mask].filter((id) => id !== undefined);
  return new Set([...added.map(({ id }) => id), ...named]);
}

/** Configurations write a special token as a text or as an object with `content`. */
function contentOf(token: unknown): string | undefined {
  const content = typeof token === "object" && token !== null
    ? (token as { readonly content?: unknown }).content
    : token;
  return typeof content === "string" ? content : undefined;
}
