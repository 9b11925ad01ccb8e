/** How an adapter's texts were read, as its file keeps it. @module */

import { readSettings } from "../federated/read_settings.ts";
import type { RunConfig } from "../federated/run_config.ts";
import type { ImportedAdapter } from "../lora/peft_import.ts";

/** Settings that say how a text becomes what a model sees. */
type Reading = Pick<RunConfig, "seqLen" | "pooling" | "strip">;

/** What an adapter's file tells of how its texts were read, but for what was stripped: of a run over HTTP only its clients know that. */
export function readingOf(
  { task, seqLen, pooling }: Pick<RunConfig, "task" | "seqLen" | "pooling">,
): Partial<Reading> {
  return { seqLen, ...(task === "classify" && { pooling }) };
}

/**
 * The settings that an adapter's file tells, for who leaves them open.
 *
 * @throws UserError when one is not a setting, or has no value of one.
 */
export function readReading(
  { reading }: Pick<ImportedAdapter, "reading">,
  { task, data }: Pick<RunConfig, "task" | "data">,
): Partial<Reading> {
  const { seqLen, pooling, strip } = readSettings(
    reading ?? {},
    (key) => `${key} in adapter_model.safetensors`,
  );
  return {
    ...(seqLen !== undefined && { seqLen }),
    ...(pooling !== undefined && task === "classify" && { pooling }),
    // Conversations are no posts, nor is the built-in corpus.
    ...(strip !== undefined && task !== "chat" && data !== null && { strip }),
  };
}
