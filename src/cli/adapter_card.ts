/** What a user of an exported adapter must know that PEFT's files do not say. @module */

import type { RunConfig } from "../federated/run_config.ts";
import { percentText } from "./units.ts";

/** What the card tells. */
export interface AdapterFacts
  extends Pick<RunConfig, "clients" | "method" | "aggregation" | "revision" | "pooling"> {
  /** Version of this program. */
  readonly version: string;
  /** Rounds behind the adapter. */
  readonly rounds: number;
  /** The data set's name; null where only the clients know their data. */
  readonly data: string | null;
  /** The base model: hub id, folder, or "built-in base". */
  readonly base: string;
  /** The label set, in the order of the logits. */
  readonly labels: readonly string[];
  /** 0 to 1; undefined where nobody has measured it. */
  readonly accuracy: number | undefined;
  /** What it was measured on: "1000 test rows". */
  readonly rows: string;
}

/** The README.md of an adapter folder: base, pooling, labels in the order of the logits, accuracy. */
export function adapterCard(facts: AdapterFacts): string {
  const { version, clients, method, aggregation, rounds, data, base, revision, labels } = facts;
  const trainedOn = data === null ? "" : ` on ${data}`;
  return `# LoRA adapter

Trained by HAFL ${version}: ${clients} clients, ${method} + ${aggregation}, ${rounds} rounds${trainedOn}.
${accuracyLine(facts)}

- Base: ${base}${revision === null ? "" : ` at revision ${revision}`}
- Task: classification into ${labels.length} labels, in the order of the logits: ${
    labels.join(", ")
  }
- Pooling: **${facts.pooling}**. ${poolingNote(facts)}
- Scale: alpha / rank is folded into B, so \`lora_alpha\` equals \`r\`

Load it with PEFT onto the base's \`AutoModelForSequenceClassification\` with \`num_labels=${labels.length}\`:
\`PeftModel.from_pretrained(base, "adapter")\`.
`;
}

function accuracyLine({ accuracy, rows, labels }: AdapterFacts): string {
  const chance = percentText(1 / labels.length);
  return accuracy === undefined
    ? `Its accuracy was not measured (chance ${chance}).`
    : `Accuracy ${percentText(accuracy)} on ${rows} (chance ${chance}).`;
}

function poolingNote({ pooling }: AdapterFacts): string {
  const theirs =
    "Hugging Face's own heads read the first token (BERT, DistilBERT, RoBERTa) or the last real one (Llama)";
  return pooling === "mean"
    ? `${theirs}: average the hidden states before the head yourself, or train with --pooling first or last.`
    : `${theirs}; where that is this one, the logits are the same.`;
}
