/** The card of a pretrained model: data, steps, loss, licence. @module */

import { basename, dirname, join } from "node:path";
import type { SafetensorsInput } from "../../protocol/safetensors.ts";
import { countText, durationText, percentText } from "../units.ts";
import { modelText } from "./announce.ts";
import type { PretrainConfig } from "./config.ts";
import type { Metric, PretrainFile } from "./folder.ts";

/** README.md of the model's folder. */
export function modelCard(
  file: PretrainFile,
  tensors: readonly SafetensorsInput[],
  metrics: readonly Metric[],
): string {
  const { config } = file;
  const parameters = tensors.reduce((sum, { data }) => sum + data.length, 0);
  const start = config.init === null ? [] : [["started from", folderName(config.init)] as const];
  const rows: readonly (readonly [string, string])[] = [
    ["shape", shapeText(config)],
    ["parameters", `${countText(parameters)}, float16`],
    ["vocabulary", vocabularyText(config)],
    ["texts", textsText(file)],
    ["licence of the texts", config.licence],
    ["objective", objectiveText(config)],
    ...start,
    ["steps", stepsText(file, metrics)],
    ["optimizer", optimizerText(config)],
    ["loss", lossText(config, metrics)],
    ["trained", trainedText(file, metrics)],
  ];
  const lines = rows.map(([name, value]) => `| ${name} | ${value.replaceAll("|", "\\|")} |`);
  return [
    "# A model pretrained by HAFL",
    "",
    "|  |  |",
    "| --- | --- |",
    ...lines,
    "",
    "Made by `deno task pretrain`.",
    "",
  ].join("\n");
}

function shapeText(config: PretrainConfig): string {
  const { heads, feedForward, tokens } = config;
  return `${modelText(config)}, ${heads} heads, feed-forward ${feedForward}, ${tokens} positions`;
}

function vocabularyText({ tokenizer, vocabulary }: PretrainConfig): string {
  const name = folderName(tokenizer);
  return vocabulary === null ? `of ${name}` : `${countText(vocabulary)} tokens, cut from ${name}`;
}

/** The last word of a folder's path; with the one before it where it is "model" or "tokenizer", as it is in every pretraining's folder. */
function folderName(path: string): string {
  const name = basename(path);
  return ["model", "tokenizer"].includes(name) ? join(basename(dirname(path)), name) : name;
}

function textsText({ config, corpus }: PretrainFile): string {
  const files = config.corpus.map((file) => basename(file)).join(", ");
  const size = `${countText(corpus.documents)} documents, ${countText(corpus.trainTokens)} tokens`;
  return `${files}: ${size}; one document in 100 held out`;
}

function objectiveText({ objective, maskRate }: PretrainConfig): string {
  if (objective === "next") return "the next token";
  return `masked tokens: ${
    percentText(maskRate, 0)
  } (of these 80 % masked, 10 % random, 10 % kept)`;
}

function stepsText({ config, corpus }: PretrainFile, metrics: readonly Metric[]): string {
  const steps = metrics.at(-1)?.step ?? 0;
  const seen = steps * config.batch * config.tokens;
  const epochs = (seen / corpus.trainTokens).toFixed(2);
  const each = `${config.batch} × ${config.tokens} tokens`;
  return `${countText(steps)} of ${each}: ${countText(seen)} tokens, ${epochs} epochs`;
}

function optimizerText(
  { learningRate, warmupSteps, decaySteps, weightDecay, seed }: PretrainConfig,
): string {
  const schedule = `${countText(warmupSteps)} steps up, ${countText(decaySteps)} down`;
  return `AdamW, highest rate ${learningRate}, ${schedule}, weight decay ${weightDecay}, seed ${seed}`;
}

function lossText({ objective }: PretrainConfig, metrics: readonly Metric[]): string {
  const last = metrics.at(-1);
  if (last === undefined) return "not trained";
  const held = metrics.findLast(({ validationLoss }) => validationLoss !== undefined);
  const heldOut = held?.validationLoss === undefined
    ? ""
    : `, ${held.validationLoss.toFixed(3)} on held-out documents${
      objective === "masked" ? ", masked alike each time" : ""
    }`;
  return `${last.loss.toFixed(3)} in training${heldOut} (nats per predicted token)`;
}

function trainedText({ started, device }: PretrainFile, metrics: readonly Metric[]): string {
  const day = started.slice(0, 10);
  const last = metrics.at(-1);
  return last === undefined ? day : `${day}, ${durationText(last.seconds)} on ${device}`;
}
