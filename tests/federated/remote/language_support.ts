/** Runs that train a tiny decoder on texts or conversations, as their administrator and their clients see them. */

import type { LabelledData, Sample, TextTokenizer } from "../../../src/data/types.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import type { ManifestSources } from "../../../src/federated/remote/manifest.ts";
import type { RunConfig } from "../../../src/federated/run_config.ts";
import type { LanguageTask } from "../../../src/protocol/task.ts";
import { memoryFiles } from "../../weights/memory_files.ts";
import { config as classifying, letters, manifestOf } from "./manifest_support.ts";

const folder = new URL("../../golden/llama3/", import.meta.url);

/** The files of a tiny Llama with tied embeddings by path; a token for each letter, and one that ends a text. */
export const decoderContents: Readonly<Record<string, Uint8Array | string>> = {
  "config.json": Deno.readTextFileSync(new URL("config.json", folder)),
  "model.safetensors": Deno.readFileSync(new URL("model.safetensors", folder)),
  "tokenizer.json": JSON.stringify({ model: { vocab: { "<pad>": 3, "<end>": 4 } } }),
  "tokenizer_config.json": JSON.stringify({ pad_token: "<pad>", eos_token: "<end>" }),
  "chat_template.jinja": "in letters",
};

/** The model. */
export const decoderFiles = memoryFiles(decoderContents);

/** A message is its role's first letter between z and its content, and ends with y. */
const chatty: TextTokenizer = {
  ...letters,
  chat: {
    encode: letters.encode,
    render: (messages, forReply) =>
      messages.map(({ role, content }) => `z${role[0]}${content}y`).join("") +
      (forReply ? "za" : ""),
  },
};

/** Hands out a tokenizer that renders conversations too. */
export const createChatty = () => Promise.resolve(chatty);

const word = (i: number, length: number) =>
  Array.from({ length }, (_, t) => String.fromCharCode(97 + (7 * i + 3 * t) % 24)).join("");

const rows = (prefix: string, count: number, textOf: (i: number) => string): Sample[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${prefix} ${i}`, text: textOf(i), label: "" }));

const parts = (textOf: (i: number) => string) => ({
  labels: [],
  train: rows("train", 18, textOf),
  validation: rows("check", 5, textOf),
  test: rows("test", 4, textOf),
});

/** Texts of 2 to 20 letters, some longer than a row. */
export const texts: LabelledData = {
  name: "texts.jsonl",
  ...parts((i) => word(i, 2 + (5 * i) % 19)),
};

/** Conversations with a reply or two. */
export const talks: LabelledData = {
  name: "talks.jsonl",
  conversations: true,
  ...parts((i) =>
    JSON.stringify(
      [["user", 2], ["assistant", 1 + i % 4], ["user", 1], ["assistant", 2]]
        .slice(0, i % 2 === 0 ? 2 : 4)
        .map(([role, length], n) => ({ role, content: word(i + n, Number(length)) })),
    )
  ),
};

/** The data of a task. */
export const dataOf: Readonly<Record<LanguageTask, LabelledData>> = { lm: texts, chat: talks };

/** Settings of a small run. */
export function languageConfig(task: LanguageTask, changes: Partial<RunConfig> = {}): RunConfig {
  const { buckets: _, textColumn: __, ...settings } = classifying;
  return completeRunConfig({ ...settings, task, data: dataOf[task].name, seqLen: 12, ...changes });
}

/** The run's manifest and bank. */
export function languageManifest(task: LanguageTask, changes: Partial<ManifestSources> = {}) {
  return manifestOf({ config: languageConfig(task), files: decoderFiles, labels: [], ...changes });
}
