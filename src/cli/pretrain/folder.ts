/**
 * The folder of a pretraining.
 *
 * ```
 * tokenizer/               the tokenizer, its vocabulary cut where asked
 * train.tokens, validation.tokens
 * checkpoint.safetensors   what a later process goes on from
 * metrics.jsonl            a Metric a line
 * pretrain.json            settings and facts: written last before the first step
 * model/                   the result, in Hugging Face's layout, with a card
 * report.html              the loss curve
 * ```
 *
 * @module
 */

import { join, resolve } from "node:path";
import type { Tuning } from "../../engine/device.ts";
import { UserError } from "../../protocol/errors.ts";
import { namesIn } from "../working_folder.ts";
import { writeAtomically } from "../write_atomically.ts";
import { isPretrainConfig, type PretrainConfig } from "./config.ts";
import { jsonText } from "./json_text.ts";
import type { CorpusFacts } from "./tokenize_corpus.ts";

/** The content of pretrain.json. */
export interface PretrainFile {
  readonly kind: "hafl-pretrain";
  readonly config: PretrainConfig;
  readonly corpus: CorpusFacts;
  readonly started: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly device: string;
  /** Variants of kernels on WebGPU, of which a later process takes the same. */
  readonly tuning?: Tuning | undefined;
}

/** A line of metrics.jsonl. */
export interface Metric {
  /** Steps taken. */
  readonly step: number;
  /** Mean loss in nats of the steps since the line before. */
  readonly loss: number;
  /** Loss in nats on held-out documents, masked alike each time, where it was measured. */
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
  train: join(folder, "train.tokens"),
  validation: join(folder, "validation.tokens"),
  metrics: join(folder, "metrics.jsonl"),
  checkpoint: join(folder, "checkpoint.safetensors"),
  model: join(folder, "model"),
  report: join(folder, "report.html"),
});

/**
 * Refuses a folder that a new pretraining must not use; writes nothing.
 *
 * @param tokenizer folder of the tokenizer that it reads
 * @throws UserError when anything but the remains of one that never began lies in it, or that tokenizer.
 */
export async function checkNewFolder(folder: string, tokenizer: string): Promise<void> {
  if (resolve(tokenizer) === resolve(partsOf(folder).tokenizer)) {
    throw new UserError(
      `Cannot use folder "${folder}" for a pretraining: it would replace the tokenizer "${tokenizer}"`,
    );
  }
  const names = await namesIn(folder);
  if (names.includes("pretrain.json")) {
    throw new UserError(
      `Folder "${folder}" already holds a pretraining: use --resume ${folder} to continue it`,
    );
  }
  const other = names.find((name) => !remains.test(name));
  if (other !== undefined) {
    throw new UserError(
      `Cannot use folder "${folder}" for a pretraining: expected an empty one, got other files ("${other}")`,
    );
  }
}

/** What is written before pretrain.json, and files that were not finished. */
const remains =
  /^(run\.lock|tokenizer|(train|validation)\.tokens|metrics\.jsonl|checkpoint\.safetensors|.*\.partial)$/;

/** Removes what a killed process did not finish: a checkpoint's half may be large. Call it with the folder locked. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const place of [folder, partsOf(folder).tokenizer, partsOf(folder).model]) {
    for (const name of await namesIn(place)) {
      if (name.endsWith(".partial")) await Deno.remove(join(place, name));
    }
  }
}

/** Writes pretrain.json. From then on the folder holds a pretraining that can be continued: the checkpoint must be there already. */
export function writePretrainFile(folder: string, file: PretrainFile): Promise<void> {
  return writeAtomically(partsOf(folder).facts, jsonText(file));
}

/**
 * Reads pretrain.json.
 *
 * @throws UserError when the folder holds none, or one that this program did not write.
 */
export async function readPretrainFile(folder: string): Promise<PretrainFile> {
  const refuse = (reason: string) => new UserError(`Cannot resume from "${folder}": ${reason}`);
  const text = await Deno.readTextFile(partsOf(folder).facts).catch((error) => {
    throw refuse(
      error instanceof Deno.errors.NotFound
        ? "it holds no pretraining that has begun; start it with --out"
        : error.message,
    );
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse("pretrain.json is not valid JSON");
  }
  if (!isPretrainFile(value)) throw refuse("pretrain.json was not written by this program");
  return value;
}

function isPretrainFile(value: unknown): value is PretrainFile {
  const { kind, config, corpus } = (value ?? {}) as Partial<PretrainFile>;
  return kind === "hafl-pretrain" && isPretrainConfig(config) &&
    [corpus?.documents, corpus?.trainTokens, corpus?.validationTokens].every(Number.isSafeInteger);
}

/** The metrics up to a step. Lines of steps that a crash undid are left out, and half a line that it left behind. */
export async function readMetrics(folder: string, steps: number): Promise<Metric[]> {
  const text = await Deno.readTextFile(partsOf(folder).metrics).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  return text.split("\n").flatMap((line) => {
    const metric = parseMetric(line);
    return metric !== undefined && metric.step <= steps ? [metric] : [];
  });
}

function parseMetric(line: string): Metric | undefined {
  try {
    return JSON.parse(line) as Metric;
  } catch {
    return undefined;
  }
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
