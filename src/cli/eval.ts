/**
 * `deno task eval`: how a base, and the base with an adapter, do on the rows of a file.
 *
 * @module
 */
import { Option } from "commander";
import { createTokenizer, createTransformersTokenizer } from "../data/mod.ts";
import { stripParts } from "../data/strip.ts";
import { checkEffects } from "../federated/check_effects.ts";
import { completeRunConfig } from "../federated/complete_run_config.ts";
import { choice } from "../federated/setting_kinds.ts";
import { dataDefaults } from "../federated/settings/data.ts";
import { modelDefaults } from "../federated/settings/model.ts";
import type { CreateTokenizer } from "../federated/tokenize_rows.ts";
import { openAdapter } from "./adapter_folder.ts";
import { readReading } from "./adapter_reading.ts";
import { runCommand } from "./errors.ts";
import { evaluateCandidates } from "./eval/evaluate.ts";
import { openCandidates } from "./eval/models.ts";
import { evaluationFileNames, evaluationFiles } from "./eval/report.ts";
import { loadRows, partNames } from "./eval/rows.ts";
import { evaluationText } from "./eval/text.ts";
import { readFlags, readOwnFlag } from "./flags.ts";
import { prepareGraphics } from "./graphics.ts";
import { onInterrupt } from "./interrupt.ts";
import { openBar } from "./progress_bar.ts";
import { modelName, openModelFiles, openTokenCache } from "./sources.ts";
import { isReplaced, writeFolder } from "./write_folder.ts";

const description = {
  name: "deno task eval",
  summary:
    "Evaluates a base, and the base with an adapter, on a data file: accuracy, macro-F1 and what is confused with what, or the perplexity of a language model.",
  settings: [
    "task",
    "model",
    "revision",
    "pooling",
    "baseDtype",
    "data",
    "textColumn",
    "labelColumn",
    "labels",
    "strip",
    "seqLen",
    "buckets",
    "packing",
    "evalBatch",
    "device",
    "threads",
    "overwrite",
    "format",
    "offline",
    "cacheDir",
  ] as const,
  help: {
    task:
      "what is measured: classify (a label a text), lm (the next token of texts) or chat (the " +
      "assistant's replies)",
    model: "the base: model folder in Hugging Face layout, or hub id (default: the built-in base)",
    data:
      "texts to evaluate on, labelled under --task classify: .jsonl or .csv, each also with .gz " +
      "(default: the built-in corpus, under --task classify)",
    pooling: "how token states become one: mean, first or last real token (default: as the " +
      `adapter tells, or ${modelDefaults.pooling})`,
    labels: "the label set in the order of the logits: names parted by commas, or a file " +
      "(default: as the adapter or the base tells)",
    strip: `parts of a post to remove: ${stripParts.join(", ")} (default: as the adapter tells)`,
    seqLen: "tokens kept of a text, or a row's under --task lm (default: as the adapter tells, " +
      `or ${dataDefaults.seqLen})`,
    format: "tables for people (text), or one JSON object (json)",
    overwrite: "replace an evaluation that --out already holds",
  },
  options: [
    new Option("--adapter <folder>", "an adapter of the model's, as PEFT stores one")
      .helpGroup("Model:"),
    new Option(
      "--split <name>",
      `rows to evaluate on: ${partNames.join(", ")} (default: test, or all where none is marked)`,
    ).helpGroup("Data:"),
    new Option("--out <folder>", "write evaluation.json and evaluation.md into a new folder")
      .helpGroup("Run:"),
  ],
};

/** Where output goes: the result, lines beside it, and how many batches of how many are done. */
export interface EvalOutput {
  print(text: string): void;
  note(line: string): void;
  progress(done: number, total: number): void;
}

/** Evaluates as the words after the command's name say. */
export async function evaluateModels(
  args: readonly string[],
  { print, note, progress }: EvalOutput,
  create?: CreateTokenizer,
): Promise<void> {
  const { settings: asked, own } = await readFlags(args, description);
  const alone = completeRunConfig(asked);
  checkEffects(asked, alone);
  const split = readOwnFlag(own, "split", choice(partNames));
  const out = own.out === undefined ? undefined : String(own.out);
  // Told before minutes go into evaluating.
  if (out !== undefined) await isReplaced(out, evaluationFileNames, asked.overwrite === true);
  using interrupt = onInterrupt(() => "Stopped; nothing was written");
  const folder = own.adapter === undefined ? undefined : String(own.adapter);
  const adapter = folder === undefined ? undefined : await openAdapter(folder);
  const given = { ...(adapter && readReading(adapter, alone)), ...asked };
  const config = completeRunConfig(given);
  const files = await openModelFiles(config);
  const candidates = await openCandidates({ given, files, folder, adapter, note });
  const rows = await loadRows(config, candidates.labels, split, note);
  prepareGraphics();
  const result = await evaluateCandidates(candidates, rows, {
    config,
    model: modelName(config, files),
    adapter: folder ?? null,
    createTokenizer: create ??
      (config.model === null ? createTokenizer : createTransformersTokenizer),
    cache: openTokenCache(config, note),
    onBatch(done, total) {
      interrupt.check();
      progress(done, total);
    },
  });
  if (out !== undefined) await writeFolder(out, evaluationFiles(result), config.overwrite);
  print(config.format === "json" ? JSON.stringify(result) : evaluationText(result));
  if (out !== undefined) note(`Report   ${out}`);
}

if (import.meta.main) {
  await runCommand(async () => {
    const bar = Deno.stderr.isTerminal() ? await openBar() : undefined;
    try {
      await evaluateModels(Deno.args, {
        print: (text) => console.log(text),
        note: (line) => console.error(line),
        progress(done, total) {
          if (done === 0) bar?.start(total);
          if (done === total) bar?.stop();
          else bar?.update(done, "Evaluating");
        },
      });
    } finally {
      bar?.stop();
    }
  });
}
