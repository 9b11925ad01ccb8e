/**
 * Model families: what a Hugging Face config.json describes, written down as operations of the engine.
 *
 * {@linkcode readModel} turns a config into a {@linkcode Model}: its sizes, the linear modules that can carry an adapter, its classification head, and
 * functions that add its forward pass to a program through a {@linkcode ModelContext}. Tensors have their Hugging Face names throughout.
 * Nothing here reads files, holds weights, or knows of LoRA: the context it is handed does.
 *
 * @module
 */

export type { ModelConfig } from "./config.ts";
export { ModelConfigError, UnsupportedModelError } from "./errors.ts";
export type {
  Family,
  HeadTensor,
  KeyValueCache,
  Model,
  ModelContext,
  ModelInputs,
} from "./family.ts";
export { families, readModel } from "./read_model.ts";
export { storedName } from "./tied.ts";
export { isConv1D, isTransposed } from "./transposed.ts";
