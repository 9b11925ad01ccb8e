/** The lines that a pretraining begins with. @module */

import { elementCount } from "../../engine/program.ts";
import { counted, countText } from "../units.ts";
import type { PretrainConfig } from "./config.ts";
import type { PretrainFile } from "./folder.ts";
import type { PretrainReporter } from "./progress.ts";

/** Tells what is trained, on what, for how long, and where it goes. */
export function announce(
  { config, corpus, device }: PretrainFile,
  tensors: readonly { readonly shape: readonly number[] }[],
  vocabulary: number,
  folder: string,
  reporter: PretrainReporter,
): void {
  const { batch, tokens, steps } = config;
  const parameters = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const epochs = steps * batch * tokens / corpus.trainTokens;
  const model = [
    modelText(config),
    `${countText(parameters)} parameters`,
    `${countText(vocabulary)} tokens`,
  ];
  const texts = [
    `${countText(corpus.documents)} documents`,
    `${countText(corpus.trainTokens)} tokens to train on`,
    `${countText(corpus.validationTokens)} held out`,
  ];
  reporter.note(`Model    ${model.join(", ")}`);
  reporter.note(`Texts    ${texts.join(", ")}`);
  reporter.note(
    `Steps    ${countText(steps)} of ${batch} × ${tokens} tokens, ${epochs.toFixed(1)} epochs`,
  );
  reporter.note(`Device   ${device}`);
  reporter.note(`Folder   ${folder}`);
}

/** A model in a few words. */
export function modelText({ objective, layers, width }: PretrainConfig): string {
  const architecture = objective === "masked" ? "BERT" : "Llama";
  return `${architecture}, ${counted(layers, "layer")} × ${width}`;
}
