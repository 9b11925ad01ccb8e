/**
 * The folder of a pretraining.
 *
 * ```
 * pretrain.json            settings and facts: written before the first step
 * tokenizer/               the tokenizer, its vocabulary cut where asked
 * train.tokens, validation.tokens
 * metrics.jsonl            a Metric a line
 * checkpoint.safetensors   what a later process goes on from
 * model/                   the result, in Hugging Face's layout, with a card
 * report.html              the loss curve
 * ```
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { writeAtomically } from "../write_atomically.ts";
import type { PretrainConfig } from "./settings.ts";
import type { CorpusFacts, TokenizerJson } from "./tokenize_corpus.ts";

/** The content of pretrain.json. */
export interface PretrainFile {
  readonly kind: "hafl-pretrain";
  readonly config: PretrainConfig;
  readonly corpus: CorpusFacts;
  readonly started: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly device: string;
}

/** A line of metrics.jsonl. */
export interface Metric {
  /** Steps taken. */
  readonly step: number;
  /** Mean loss in nats of the steps since the line before. */
  readonly loss: number;
  /** Loss in nats on held-out documents, where it was measured. */
  readonly validationLoss?: number;
  readonly learningRate: number;
  readonly tokensPerSecond: number;
  /** Seconds spent training so far, over all processes. */
  readonly seconds: number;
}

/** Paths of a folder's parts. */
export const partsOf = (folder: string) => ({
  facts: join(folder, "pretrain.json"),
  tokenizer: join(folder, "tokenizer"),
  metrics: join(folder, "metrics.jsonl"),
  checkpoint: join(folder, "checkpoint.safetensors"),
  model: join(folder, "model"),
  report: join(folder, "report.html"),
});

/** JSON as files hold it. */
export const jsonText = (value: unknown): string => JSON.stringify(value, null, 2) + "\n";

/**
 * Refuses a folder that a new pretraining must not use.
 *
 * @throws UserError when anything but the remains of one that never began lies in it.
 */
export async function checkNewFolder(folder: string): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(
    (error): string[] => {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    },
  );
  if (names.includes("pretrain.json")) {
    throw new UserError(
      `Folder "${folder}" already holds a pretraining: use --resume ${folder} to continue it`,
    );
  }
  const remains = /^(run\.lock|tokenizer|.*\.tokens|.*\.partial)$/;
  const other = names.find((name) => !remains.test(name));
  if (other !== undefined) {
    throw new UserError(
      `Cannot use folder "${folder}" for a pretraining: expected an empty one, got other files ("${other}")`,
    );
  }
}

/**
 * Reads pretrain.json.
 *
 * @throws UserError when the folder holds none.
 */
export async function readPretrainFile(folder: string): Promise<PretrainFile> {
  const path = partsOf(folder).facts;
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw new UserError(`Cannot resume from "${folder}": ${(error as Error).message}`);
  }
  if ((value as { kind?: unknown } | null)?.kind !== "hafl-pretrain") {
    throw new UserError(`Cannot resume from "${folder}": ${path} is not of a pretraining`);
  }
  return value as PretrainFile;
}

/** Writes the tokenizer's two files into a folder. */
export async function writeTokenizer(
  folder: string,
  { tokenizer, config }: TokenizerJson,
): Promise<void> {
  await writeAtomically(join(folder, "tokenizer.json"), jsonText(tokenizer));
  await writeAtomically(join(folder, "tokenizer_config.json"), jsonText(config));
}

/** The metrics up to a step, those of steps that a crash undid left out. */
export async function readMetrics(folder: string, steps: number): Promise<Metric[]> {
  const text = await Deno.readTextFile(partsOf(folder).metrics).catch(() => "");
  return text.split("\n").filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Metric)
    .filter(({ step }) => step <= steps);
}

/** Replaces the metrics. */
export async function writeMetrics(folder: string, metrics: readonly Metric[]): Promise<void> {
  const lines = metrics.map((metric) => JSON.stringify(metric) + "\n");
  await writeAtomically(partsOf(folder).metrics, lines.join(""));
}

/** Adds a line to the metrics. */
export async function appendMetric(folder: string, metric: Metric): Promise<void> {
  await Deno.writeTextFile(partsOf(folder).metrics, JSON.stringify(metric) + "\n", {
    append: true,
  });
}
