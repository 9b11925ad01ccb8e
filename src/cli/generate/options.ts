/** The flags of `deno task generate`. @module */

import { Option } from "commander";
import { number, whole } from "../../federated/setting_kinds.ts";
import type { GenerateOptions } from "../../generate/mod.ts";
import { UserError } from "../../protocol/errors.ts";
import { type GivenFlags, readOwnFlag } from "../flags.ts";

/** Tokens at most where --max-tokens is not given and the model's context leaves as many. */
export const DEFAULT_TOKENS = 256;

/** The command's own flags. */
export function generateOptions(): Option[] {
  const option = (flag: string, help: string) => new Option(flag, help).helpGroup("Text:");
  return [
    option("--prompt <text>", "the text to continue").makeOptionMandatory(),
    option("--adapter <folder>", "an adapter of the model's, as PEFT stores one"),
    option(
      "--max-tokens <n>",
      `tokens to generate at most (default: ${DEFAULT_TOKENS}, or what the model's context leaves)`,
    ),
    option(
      "--temperature <n>",
      "what logits are divided by before a token is drawn; 0 takes the likeliest (default: 0)",
    ),
    option("--top-k <n>", "draw among so many of the likeliest tokens (default: all)"),
    option(
      "--top-p <n>",
      "draw among the fewest tokens whose probabilities reach this share (default: 1)",
    ),
    option("--seed <n>", "the same seed on the same device draws the same text (default: 1)"),
  ];
}

/** How a text is continued, as the flags say; `maxTokens` is undefined where they do not. */
export type TextSettings = Omit<GenerateOptions, "maxTokens" | "endTokens" | "signal"> & {
  readonly maxTokens: number | undefined;
};

/** The flags' values. @throws UserError for one that cannot be, or that has no effect. */
export function readTextSettings(own: GivenFlags["own"]): TextSettings {
  const count = whole({ least: 1 });
  const temperature = readOwnFlag(own, "temperature", number({ least: 0 })) ?? 0;
  const filters = ["topK", "topP"].filter((key) => own[key] !== undefined);
  if (temperature === 0 && filters.length > 0) {
    const flag = filters[0] === "topK" ? "--top-k" : "--top-p";
    throw new UserError(
      `Cannot use ${flag} at temperature 0, which takes the likeliest token: give a --temperature above 0`,
    );
  }
  return {
    temperature,
    maxTokens: readOwnFlag(own, "maxTokens", count),
    topK: readOwnFlag(own, "topK", count),
    topP: readOwnFlag(own, "topP", number({ above: 0, most: 1 })),
    seed: readOwnFlag(own, "seed", whole({ least: 0 })) ?? 1,
  };
}
