/** What a run finds out before its first round. @module */

import project from "../../deno.json" with { type: "json" };
import type { LabelledData } from "../data/types.ts";
import type { DeviceInfo } from "../engine/device.ts";
import { predictionsIn } from "../federated/device_batches.ts";
import type { Federation } from "../federated/federation.ts";
import type { PreparedRun } from "../federated/prepare.ts";
import type { RunConfig } from "../federated/run_config.ts";
import type { AggregatorName } from "../protocol/aggregate/mod.ts";
import type { RunFacts, TokenCounts } from "../protocol/records.ts";
import type { ModelFiles } from "../weights/mod.ts";
import { deviceText } from "./device_text.ts";
import { leftOutNote } from "./left_out_note.ts";
import { modelName } from "./sources.ts";

/** The facts of a run that is about to begin. */
export function describeRun(
  config: RunConfig,
  { modelParameters, clients, federation, testRows }: PreparedRun,
  files: ModelFiles,
  data: LabelledData,
  device: DeviceInfo,
): RunFacts {
  const samples = federation.clients.flatMap(({ samples }) => samples);
  const leftOut = leftOutNote(config, data.train.length, samples);
  return {
    version: project.version,
    started: new Date().toISOString(),
    device: deviceText(device),
    model: modelName(config, files),
    modelParameters,
    data: data.name,
    labels: config.task === "classify" ? data.labels : [],
    ...(config.task !== "classify" && { tokens: countTokens(federation) }),
    trainRows: data.train.length,
    validationRows: Math.min(data.validation.length, config.evalPosts),
    testRows,
    modules: federation.adapted.layout.modules.map(({ name }) => name),
    clients,
    notes: [...methodNotes[config.aggregation] ?? [], ...leftOut === undefined ? [] : [leftOut]],
  };
}

function countTokens({ clients, validation, test }: Federation): TokenCounts {
  return {
    train: clients.reduce((sum, { samples }) => sum + predictionsIn(samples), 0),
    validation: predictionsIn(validation),
    test: predictionsIn(test),
  };
}

/** What must be known of results that are not what other methods' are. */
const methodNotes: Partial<Record<AggregatorName, readonly string[]>> = {
  flora: [
    "Every round's adapters are merged into the base weights: the result is a model, not an adapter",
  ],
  local: [
    "Nothing is sent or combined: accuracy and loss are means over the clients, each with its own model",
  ],
};
