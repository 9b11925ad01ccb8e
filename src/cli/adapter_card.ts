/** What a user of an exported adapter must know that PEFT's files do not say. @module */

import type { RunConfig } from "../federated/run_config.ts";
import type { RunFacts, RunSummary } from "../protocol/records.ts";
import { percentText } from "./units.ts";

/** The README.md of an adapter folder: base, pooling, labels in the order of the logits, accuracy. */
export function adapterCard(config: RunConfig, facts: RunFacts, summary: RunSummary): string {
  const accuracy = summary.test
    ? `${percentText(summary.test.accuracyAtFinal)} on ${summary.test.rows} test rows`
    : `${percentText(summary.final.accuracy)} on ${facts.validationRows} validation rows`;
  return `# LoRA adapter

Trained by HAFL ${facts.version}: ${config.clients} clients, ${config.method} + ${config.aggregation}, ${summary.final.round} rounds on ${facts.data}.
Accuracy ${accuracy} (chance ${percentText(summary.chance)}).

- Base: ${facts.model}${config.revision === null ? "" : ` at revision ${config.revision}`}
- Task: classification into ${facts.labels.length} labels, in the order of the logits: ${
    facts.labels.join(", ")
  }
- Pooling: **${config.pooling}**. ${poolingNote(config)}
- Scale: alpha / rank is folded into B, so \`lora_alpha\` equals \`r\`

Load it with PEFT onto the base's \`AutoModelForSequenceClassification\` with \`num_labels=${facts.labels.length}\`:
\`PeftModel.from_pretrained(base, "adapter")\`.
`;
}

function poolingNote({ pooling }: RunConfig): string {
  const theirs =
    "Hugging Face's own heads read the first token (BERT, DistilBERT, RoBERTa) or the last real one (Llama)";
  return pooling === "mean"
    ? `${theirs}: average the hidden states before the head yourself, or train with --pooling first or last.`
    : `${theirs}; where that is this one, the logits are the same.`;
}
