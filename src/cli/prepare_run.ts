import { createTokenizer, createTransformersTokenizer, type LabelledData } from "../data/mod.ts";
import { type PreparedRun, prepareFederation } from "../federated/prepare.ts";
import type { RunConfig } from "../federated/run_config.ts";
import type { ModelFiles } from "../weights/mod.ts";
import { openTokenCache } from "./sources.ts";

/** What a run is made from. */
export interface OpenedSources {
  readonly files: ModelFiles;
  readonly data: LabelledData;
}

/** Deals and tokenizes a run's texts, with this machine's cache of tokens. */
export async function prepareRun(
  config: RunConfig,
  { files, data }: OpenedSources,
  note: (text: string) => void,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<PreparedRun> {
  return await prepareFederation({
    config,
    files,
    data,
    cache: openTokenCache(config, note),
    createTokenizer: config.model === null ? createTokenizer : createTransformersTokenizer,
    onProgress,
  });
}
