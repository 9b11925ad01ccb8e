/** What a training leaves for use. Which it is follows from the aggregation rule. @module */

import { join } from "node:path";
import type { Federation } from "../federated/federation.ts";
import type { RunConfig } from "../federated/run_config.ts";
import type { FederationState } from "../federated/state.ts";
import { accuracyOf, isLabelled, meanLoss } from "../federated/model_scores.ts";
import type { ModelEvaluation } from "../lora/evaluate.ts";
import { exportMergedModel } from "../lora/merged_model.ts";
import { exportPeft, type PeftSettings } from "../lora/peft.ts";
import type { AggregatorName } from "../protocol/aggregate/mod.ts";
import { type AdapterBank, scale } from "../protocol/bank.ts";
import { type AnyRunSummary, isTokenSummary, type RunFacts } from "../protocol/records.ts";
import { type ModelFiles, readConfig, textFiles } from "../weights/mod.ts";
import { adapterCard, type AdapterFacts, mergedCard, ownAdaptersCard } from "./adapter_card.ts";
import { readingOf } from "./adapter_reading.ts";
import { counted, percentText } from "./units.ts";
import { writeAtomically } from "./write_atomically.ts";
import { writeFolder } from "./write_folder.ts";

/** A run whose rounds are done. */
export interface TrainedFederation {
  readonly config: RunConfig;
  readonly facts: RunFacts;
  /** The base model. */
  readonly files: ModelFiles;
  /** Its `modelHash`. */
  readonly baseHash: string;
  readonly federation: Federation;
  readonly state: FederationState;
  readonly summary: AnyRunSummary;
}

/** Writes a result into the run's folder; what it is and where, as a line for the user. Calls `check` between the parts of what takes long. */
type ResultWriter = (run: TrainedFederation, check: () => void) => Promise<string>;

const writers: Partial<Record<AggregatorName, ResultWriter>> = {
  flora: writeMerged,
  local: writeOwnAdapters,
};

/**
 * Writes the last round's result into the run's folder: `adapter/`, `merged/`, or `adapters/`.
 *
 * @param check called before each part of a model is written; what it throws ends the writing, and nothing is left of it. Adapters are small.
 */
export function writeResult(run: TrainedFederation, check: () => void): Promise<string> {
  const write = writers[run.config.aggregation] ?? writeAdapter;
  return write(run, check);
}

async function writeAdapter(run: TrainedFederation): Promise<string> {
  const folder = join(run.config.out, "adapter");
  await writeFiles(folder, {
    ...exportPeft(run.state.bank, peftSettings(run)),
    "README.md": adapterCard(cardFacts(run)),
  });
  return `Adapter  ${folder}`;
}

async function writeMerged(run: TrainedFederation, check: () => void): Promise<string> {
  const { config: { out }, files, facts: { labels }, federation, state: { bank } } = run;
  const { adapted, weights } = federation;
  const config = await readConfig(files) as Record<string, unknown>;
  const folder = join(out, "merged");
  const content = {
    ...exportMergedModel({ adapted, weights, bank, config, labels }),
    ...await textFiles(files),
    "README.md": mergedCard(cardFacts(run)),
  };
  await writeFolder(folder, content, true, check);
  return `Model    ${folder}, the base with every round's adapters merged into it`;
}

async function writeOwnAdapters(run: TrainedFederation): Promise<string> {
  const { config: { out }, federation: { clients }, state: { bank, clients: memories, own } } = run;
  const folder = join(out, "adapters");
  for (const [client, memory] of memories.entries()) {
    const { model } = await memory?.read() ?? {};
    if (model === undefined) continue;
    const { rank } = clients[client];
    const adapter: Pick<AdapterBank, "rank" | "alpha" | "modules" | "head"> = {
      rank,
      // The scale stays the run's, whatever the client's rank.
      alpha: rank * scale(bank),
      modules: bank.modules.map((module, m) => ({ ...module, ...model.modules[m] })),
      head: bank.head.map((tensor, h) => ({ ...tensor, data: model.head[h] })),
    };
    await writeFiles(join(folder, `client-${client + 1}`), {
      ...exportPeft(adapter, peftSettings(run)),
    });
  }
  const told = clients.map(({ rank }, client) => ({
    client: client + 1,
    rank,
    score: memories[client] && ownScore(own![client]),
  }));
  await writeFiles(folder, { "README.md": ownAdaptersCard(cardFacts(run), told) });
  return `Adapters ${folder}, one a client: nothing was combined`;
}

function ownScore(evaluation: ModelEvaluation): string {
  return isLabelled(evaluation)
    ? percentText(accuracyOf(evaluation))
    : `loss ${meanLoss(evaluation).toFixed(3)}`;
}

function peftSettings({ config, facts, baseHash }: TrainedFederation): PeftSettings {
  const { model, revision, loraDropout, adapterLayout: layout } = config;
  return {
    baseModel: model ?? facts.model,
    revision,
    loraDropout,
    layout,
    baseHash,
    labels: facts.labels,
    reading: {
      ...readingOf(config),
      ...(config.strip.length > 0 && { strip: config.strip }),
    },
  };
}

function cardFacts({ config, facts, summary }: TrainedFederation): AdapterFacts {
  return {
    ...config,
    version: facts.version,
    rounds: summary.final.round,
    data: facts.data,
    base: facts.model,
    labels: facts.labels,
    ...measured(facts, summary),
  };
}

function measured(
  { tokens, testRows, validationRows }: RunFacts,
  summary: AnyRunSummary,
): Pick<AdapterFacts, "accuracy" | "loss" | "rows"> {
  const rows = summary.test
    ? counted(testRows, "test row")
    : counted(validationRows, "validation row");
  if (isTokenSummary(summary)) {
    const { test, final } = summary;
    const predicted = test?.tokens ?? tokens?.validation ?? 0;
    return {
      accuracy: undefined,
      loss: test?.lossAtFinal ?? final.loss,
      rows: `${counted(predicted, "token")} of ${rows}`,
    };
  }
  const { test, final } = summary;
  return { accuracy: test?.accuracyAtFinal ?? final.accuracy, rows };
}

async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await writeAtomically(join(folder, name), content);
  }
}
