/**
 * Model files to named tensors: a folder in Hugging Face layout or a hub id; safetensors, one file or
 * sharded, in f32, f16 or bf16; the initializers of an ONNX file where there is nothing else.
 *
 * Web APIs only. Files come through {@linkcode ModelFiles}, which an adapter for the platform
 * implements.
 *
 * @module
 */
export {
  type CheckpointDtype,
  checkpointDtypes,
  type CheckpointFiles,
  checkpointFiles,
  type CheckpointLayout,
} from "./checkpoint_files.ts";
export { HubError, ModelFolderError, WeightsError } from "./errors.ts";
export {
  readConfig,
  readTokenizerFiles,
  textFiles,
  type TokenizerFiles,
  withChatTemplate,
} from "./folder.ts";
export { type HubCache, type HubEnvironment, hubFiles, type HubOptions } from "./hub.ts";
export { modelHash, modelPaths } from "./model_hash.ts";
export { openOnnx } from "./onnx_source.ts";
export { withPrefixes } from "./prefixes.ts";
export { openSafetensors, openShardedSafetensors } from "./safetensors_source.ts";
export {
  type ByteFile,
  findWeights,
  type ModelFiles,
  openWeights,
  type WeightsLocation,
  type WeightSource,
} from "./source.ts";
