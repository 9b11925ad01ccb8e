/** What a user of an exported adapter must know that PEFT's files do not say. @module */

import type { RunConfig } from "../federated/run_config.ts";
import { perplexityOf } from "../protocol/records.ts";
import { counted, percentText, perplexityText } from "./units.ts";

/** What the card tells. */
export interface AdapterFacts
  extends Pick<RunConfig, "task" | "clients" | "method" | "aggregation" | "revision" | "pooling"> {
  /** Version of this program. */
  readonly version: string;
  /** Rounds behind the adapter. */
  readonly rounds: number;
  /** The data set's name; null where only the clients know their data. */
  readonly data: string | null;
  /** The base model: hub id, folder, or "built-in base". */
  readonly base: string;
  /** The label set, in the order of the logits; empty of a language model. */
  readonly labels: readonly string[];
  /** 0 to 1; undefined where nobody has measured it, and of a language model. */
  readonly accuracy: number | undefined;
  /** Mean cross-entropy of a language model, in nats a token. */
  readonly loss?: number;
  /** What it was measured on: "1,000 test rows". */
  readonly rows: string;
}

/** The README.md of an adapter folder: base, pooling, labels in the order of the logits, accuracy. */
export function adapterCard(facts: AdapterFacts): string {
  return `# LoRA adapter

${trainedLine(facts)}
${accuracyLine(facts)}

${factLines(facts)}
${scaleLine}

Load it with PEFT onto the base's ${classText(facts)}:
\`PeftModel.from_pretrained(base, "adapter")\`.
`;
}

/** The README.md of a folder with a merged model. */
export function mergedCard(facts: AdapterFacts): string {
  return `# Merged model

${trainedLine(facts)}
${accuracyLine(facts)}

The adapters of every round are part of these weights; there is no adapter beside them.

${factLines(facts)}

Load it as it is: \`${autoClass(facts)}.from_pretrained("merged")\`.
`;
}

/** A client's own adapter: its number, 1 for the first, its rank, and its accuracy or loss on the validation rows; undefined where it has never trained. */
export interface OwnAdapterFacts {
  readonly client: number;
  readonly rank: number;
  readonly score: string | undefined;
}

/** The README.md of a folder with an adapter for each client. */
export function ownAdaptersCard(
  facts: AdapterFacts,
  clients: readonly OwnAdapterFacts[],
): string {
  const rows = clients.map(({ client, rank, score = "never trained, no adapter" }) =>
    `| ${client} | ${rank} | ${score} |`
  );
  const measure = facts.task === "classify" ? "accuracy" : "loss";
  return `# LoRA adapters, one a client

${trainedLine(facts)}
Nothing was sent or combined: every client trained on its own rows alone, and there is no shared adapter.
${accuracyLine(facts)}
What is measured of all together is the mean over the clients.

${factLines(facts)}
${scaleLine}

| client | rank | ${measure} on the validation rows |
| --- | --- | --- |
${rows.join("\n")}

Load one with PEFT onto the base's ${classText(facts)}:
\`PeftModel.from_pretrained(base, "adapters/client-1")\`.
`;
}

const scaleLine = "- Scale: alpha / rank is folded into B, so `lora_alpha` equals `r`";

function trainedLine(
  { version, clients, method, aggregation, rounds, data }: AdapterFacts,
): string {
  const trainedOn = data === null ? "" : ` on ${data}`;
  return `Trained by HAFL ${version}: ${counted(clients, "client")}, ${method} + ${aggregation}, ${
    counted(rounds, "round")
  }${trainedOn}.`;
}

function factLines(facts: AdapterFacts): string {
  const { base, revision } = facts;
  return `- Base: ${base}${revision === null ? "" : ` at revision ${revision}`}
${taskLines(facts)}`;
}

function taskLines(facts: AdapterFacts): string {
  const { task, labels, pooling } = facts;
  switch (task) {
    case "classify":
      return `- Task: classification into ${labels.length} labels, in the order of the logits: ${
        labels.join(", ")
      }
- Pooling: **${pooling}**. ${poolingNote(facts)}`;
    case "lm":
      return "- Task: the next token of texts";
    case "chat":
      return "- Task: the assistant's replies in conversations, rendered by the base's chat template";
    default:
      return task satisfies never;
  }
}

function autoClass({ task }: AdapterFacts): string {
  return task === "classify" ? "AutoModelForSequenceClassification" : "AutoModelForCausalLM";
}

function classText(facts: AdapterFacts): string {
  const labels = facts.task === "classify" ? ` with \`num_labels=${facts.labels.length}\`` : "";
  return `\`${autoClass(facts)}\`${labels}`;
}

function accuracyLine({ task, accuracy, loss, rows, labels }: AdapterFacts): string {
  if (task !== "classify") {
    return loss === undefined
      ? "Its perplexity was not measured."
      : `Perplexity ${perplexityText(perplexityOf(loss))} (loss ${
        loss.toFixed(3)
      } a token) on ${rows}.`;
  }
  const chance = percentText(1 / labels.length);
  return accuracy === undefined
    ? `Its accuracy was not measured (chance ${chance}).`
    : `Accuracy ${percentText(accuracy)} on ${rows} (chance ${chance}).`;
}

function poolingNote({ pooling }: AdapterFacts): string {
  const theirs =
    "Hugging Face's own heads read the first token (BERT, DistilBERT, RoBERTa) or the last real one (decoders)";
  return pooling === "mean"
    ? `${theirs}: average the hidden states before the head yourself, or train with --pooling first or last.`
    : `${theirs}; where that is this one, the logits are the same.`;
}
