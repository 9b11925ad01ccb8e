/** A run on a tiny model, as its administrator and its clients see it. */

import type { LabelledData, Sample, TextTokenizer } from "../../../src/data/types.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import type { RunConfig } from "../../../src/federated/run_config.ts";
import { createManifest, type ManifestSources } from "../../../src/federated/remote/manifest.ts";
import type { Participation } from "../../../src/protocol/manifest.ts";
import { memoryFiles } from "../../weights/memory_files.ts";

const folder = new URL("../../golden/llama/", import.meta.url);

/** The model's files by path. */
export const modelContents: Readonly<Record<string, Uint8Array | string>> = {
  "config.json": Deno.readTextFileSync(new URL("config.json", folder)),
  "model.safetensors": Deno.readFileSync(new URL("model.safetensors", folder)),
  "tokenizer.json": JSON.stringify({ model: { vocab: { "<pad>": 3 } } }),
  "tokenizer_config.json": JSON.stringify({ pad_token: "<pad>" }),
};

/** The model. */
export const files = memoryFiles(modelContents);

/** A token for each character, by its place in the alphabet. */
export const letters: TextTokenizer = {
  name: "letters",
  hash: "letters",
  padId: 3,
  encode: (text) => Uint32Array.from(text, (letter) => letter.charCodeAt(0) - 91),
};

/** Hands out {@linkcode letters}. */
export const createLetters = () => Promise.resolve(letters);

const texts = (prefix: string, count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${prefix} ${i}`,
    text: `${prefix} ${"abcdefghij".slice(i % 7)}`.replaceAll(" ", ""),
    label: ["low", "high"][i % 2],
  }));

/** Rows of two labels. */
export const data: LabelledData = {
  name: "letters.jsonl",
  labels: ["high", "low"],
  train: texts("train", 18),
  validation: texts("check", 5),
  test: texts("test", 4),
};

/** Settings of a small run. */
export const config: RunConfig = completeRunConfig({
  clients: 3,
  ranks: [1, 2, 4],
  partition: "iid",
  seqLen: 8,
  batch: 2,
  evalBatch: 2,
  localSteps: 2,
  rounds: 3,
  warmupRounds: 1,
  threads: 1,
  schedule: "cosine",
  warmupSteps: 2,
  loraDropout: 0.1,
});

/** Everyone in every round. */
export const everyone: Participation = {
  seats: 3,
  start: 3,
  perRound: 3,
  overSelection: 1,
  quorum: 3,
  deadlineSeconds: 60,
};

/** The run's manifest and bank. */
export function manifestOf(changes: Partial<ManifestSources> = {}) {
  return createManifest({
    name: "news",
    config,
    files,
    labels: data.labels,
    participation: everyone,
    ranks: { kind: "fixed", ranks: [1, 2, 4] },
    ...changes,
  });
}
