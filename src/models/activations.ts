/** Hugging Face's names of activation functions. @module */

import type { ActivationKind } from "../engine/ops/activation_functions.ts";
import { type ModelConfig, unsupported } from "./config.ts";

/** transformers/activations.py, where one function has several names. */
const KINDS: Readonly<Record<string, ActivationKind>> = {
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_tanh",
  gelu_fast: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  relu: "relu",
  silu: "silu",
  swish: "silu",
  tanh: "tanh",
};

/** The activation function that the setting `key` names. @throws UnsupportedModelError for a name that is not implemented. */
export function readActivation(
  config: ModelConfig,
  key: string,
  fallback: string,
): ActivationKind {
  const name = config[key] ?? fallback;
  if (typeof name === "string" && Object.hasOwn(KINDS, name)) return KINDS[name];
  throw unsupported(key, `one of ${Object.keys(KINDS).join(", ")}`, name);
}
