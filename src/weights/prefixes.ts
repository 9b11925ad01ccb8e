import type { WeightSource } from "./source.ts";

/**
 * Lets names resolve with or without a model family's prefix.
 *
 * A checkpoint saved from the base class says "encoder.layer.0…" where one saved with a head says
 * "bert.encoder.layer.0…". Checkpoints converted from TensorFlow call a LayerNorm's weight and bias
 * "gamma" and "beta"; those resolve too.
 *
 * @param source the tensors as stored
 * @param prefixes the family's prefixes, each with its dot ("bert.", "model.")
 * @returns a source that answers to the stored names and to their variants; `names` stay as stored
 *
 * @example
 * ```ts
 * import { withPrefixes } from "./prefixes.ts";
 *
 * const stored = {
 *   names: ["pooler.dense.bias"],
 *   has: (name: string) => name === "pooler.dense.bias",
 *   shape: () => [1],
 *   load: () => Promise.resolve(new Float32Array([7])),
 * };
 * const weights = withPrefixes(stored, ["bert."]);
 * if (!weights.has("bert.pooler.dense.bias")) throw new Error("unreachable");
 * ```
 */
export function withPrefixes(source: WeightSource, prefixes: readonly string[]): WeightSource {
  const resolve = (name: string): string =>
    variants(name, prefixes).find((variant) => source.has(variant)) ?? name;
  return {
    names: source.names,
    has: (name) => source.has(resolve(name)),
    shape: (name) => source.shape(resolve(name)),
    load: (name, expectedShape) => source.load(resolve(name), expectedShape),
  };
}

/** Every spelling of a name, the name itself first. */
function variants(name: string, prefixes: readonly string[]): string[] {
  const prefixed = [
    name,
    ...prefixes.filter((prefix) => name.startsWith(prefix)).map((prefix) =>
      name.slice(prefix.length)
    ),
    ...prefixes.map((prefix) => prefix + name),
  ];
  return [...prefixed, ...prefixed.map(tensorflowLayerNorm)];
}

function tensorflowLayerNorm(name: string): string {
  return name
    .replace(/\bLayerNorm\.weight$/, "LayerNorm.gamma")
    .replace(/\bLayerNorm\.bias$/, "LayerNorm.beta");
}
