import { compareBase, fitAdapter, type FittedAdapter } from "../lora/peft_fit.ts";
import type { ImportedAdapter } from "../lora/peft_import.ts";
import type { Model } from "../models/mod.ts";
import { type ModelFiles, modelHash, type WeightSource } from "../weights/mod.ts";

/** A base that lies open. */
export interface OpenBase {
  /** As the user named it, or what its files are called. */
  readonly name: string;
  readonly files: ModelFiles;
  readonly model: Model;
  readonly weights: WeightSource;
}

/**
 * An adapter by the names of its base, once it is known to fit.
 *
 * @param note told where the base may be another than it was trained on
 * @throws PeftError naming what does not fit, or that it was trained on other weights.
 */
export async function fitToBase(
  adapter: ImportedAdapter,
  { name, files, model, weights }: OpenBase,
  note: (line: string) => void,
): Promise<FittedAdapter> {
  const fitted = fitAdapter(adapter, { label: name, model, weights });
  const told = await compareBase(adapter, { name, hash: () => modelHash(files) });
  if (told !== undefined) note(told);
  return fitted;
}
