/** Fingerprints of the data and models of a study's runs. @module */

import type { RunConfig } from "../../federated/run_config.ts";
import { modelHash } from "../../weights/mod.ts";
import { dataHash, openModelFiles } from "../sources.ts";
import type { Fingerprints } from "./folder.ts";

/** Tells a run's fingerprints; each file is read once. */
export function fingerprinter(): (config: RunConfig) => Promise<Fingerprints> {
  const data = new Map<string | null, Promise<string>>();
  const models = new Map<string, Promise<string>>();
  return async (config) => {
    const model = JSON.stringify([config.model, config.revision]);
    if (!data.has(config.data)) data.set(config.data, dataHash(config));
    if (!models.has(model)) models.set(model, openModelFiles(config).then(modelHash));
    return { data: await data.get(config.data)!, model: await models.get(model)! };
  };
}
