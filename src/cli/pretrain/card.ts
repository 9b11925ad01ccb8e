/** The card of a pretrained model: data, steps, loss, licence. @module */

import { basename } from "node:path";
import type { SafetensorsInput } from "../../protocol/safetensors.ts";
import { countText, durationText } from "../units.ts";
import type { Metric, PretrainFile } from "./folder.ts";

/** README.md of the model's folder. */
export function modelCard(
  { config, corpus, device, started }: PretrainFile,
  tensors: readonly SafetensorsInput[],
  metrics: readonly Metric[],
): string {
  const parameters = tensors.reduce((sum, { data }) => sum + data.length, 0);
  const last = metrics.at(-1);
  const held = metrics.findLast(({ validationLoss }) => validationLoss !== undefined);
  const steps = last?.step ?? 0;
  const seen = steps * config.batch * config.tokens;
  const task = config.objective === "masked"
    ? `masked tokens (${
      (100 * config.maskRate).toFixed(0)
    } %; of these 80 % masked, 10 % random, 10 % kept)`
    : "the next token";
  const rows: [string, string][] = [
    [
      "shape",
      `${
        config.objective === "masked" ? "BERT" : "Llama"
      }, ${config.layers} layers, width ${config.width}, ${config.heads} heads, feed-forward ${config.feedForward}, ${config.tokens} positions`,
    ],
    ["parameters", `${countText(parameters)}, float16`],
    [
      "texts",
      `${config.corpus.map((file) => basename(file)).join(", ")}: ${
        countText(corpus.documents)
      } documents, ${countText(corpus.trainTokens)} tokens; each 100th document held out`,
    ],
    ["licence of the texts", config.licence],
    ["objective", task],
    [
      "steps",
      `${countText(steps)} of ${config.batch} × ${config.tokens} tokens: ${
        countText(seen)
      } tokens, ${(seen / corpus.trainTokens).toFixed(2)} epochs`,
    ],
    [
      "optimizer",
      `AdamW, highest rate ${config.learningRate}, ${countText(config.warmupSteps)} steps up, ${
        countText(config.decaySteps)
      } down, weight decay ${config.weightDecay}, seed ${config.seed}`,
    ],
    [
      "loss",
      last === undefined
        ? "not trained"
        : `${last.loss.toFixed(3)} in training, ${
          held?.validationLoss?.toFixed(3)
        } on held-out documents (nats per predicted token)`,
    ],
    [
      "trained",
      `${started.slice(0, 10)}, ${
        last === undefined ? "" : `${durationText(last.seconds)} on `
      }${device}`,
    ],
  ];
  return `# A model pretrained by HAFL

|  |  |
| --- | --- |
${rows.map(([name, value]) => `| ${name} | ${value.replaceAll("|", "\\|")} |`).join("\n")}

Made by \`deno task pretrain\`, with the engine it is used with.
`;
}
