/** The flags of `deno task generate`. @module */

import { Option } from "commander";
import type { ChatMessage } from "../../data/mod.ts";
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
    option("--prompt <text>", "the text to continue; with --chat what a user says")
      .makeOptionMandatory(),
    option("--chat", "reply to the prompt as the assistant, by the model's own chat template"),
    option("--system <text>", "with --chat, what the model is told before the conversation"),
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

/** What the flags give to go on with: a text, or a conversation to reply to. @throws UserError for --system without --chat. */
export function readPrompt({ prompt, chat, system }: GivenFlags["own"]): string | ChatMessage[] {
  const content = String(prompt);
  if (chat === true) {
    const told = system === undefined ? [] : [{ role: "system", content: String(system) }];
    return [...told, { role: "user", content }];
  }
  if (system === undefined) return content;
  throw new UserError(
    "Cannot use --system without --chat: a text to continue has no place for it, but in the --prompt itself",
  );
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
