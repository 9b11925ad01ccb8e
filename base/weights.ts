/**
 * Random weights under which a BERT encoder says as much as it can about a text before anyone has trained it.
 *
 * @module
 */

import { type RandomStream, randomStream } from "../src/protocol/random.ts";
import type { SafetensorsInput } from "../src/protocol/safetensors.ts";

/** Sizes of the encoder. */
export interface EncoderSizes {
  readonly vocabulary: number;
  readonly positions: number;
  readonly tokenTypes: number;
  /** Width C. */
  readonly width: number;
  /** Feed-forward width F. */
  readonly feedForward: number;
  readonly layers: number;
}

/** Every draw comes from this seed and the tensor's name. */
const seed = 20;

/** Standard deviations of the embeddings. Only their ratio counts, as a layer norm follows. */
const wordDeviation = 0.1;
const placeDeviation = 0.01;

/** Gain of the matrices whose product is added to a layer's input. */
const residualGain = 0.5;

/**
 * The tensors of Hugging Face's BertModel under the names that BertForSequenceClassification and BertForMaskedLM give them.
 *
 * A frozen encoder is useful as far as the mean of its last states tells which words a text holds. So: words outweigh places by far (the first layer
 * norm then keeps nearly all of its variance for the word); matrices are orthogonal, so that no direction of a word's vector is lost, shrunk or
 * drowned; and what a layer adds to its input is smaller than the input, so that a word is still there after the last norm.
 */
export function randomWeights(sizes: EncoderSizes): SafetensorsInput[] {
  const { width, feedForward, layers } = sizes;
  const linear = (name: string, out: number, columns: number, gain: number) => [
    tensor(`${name}.weight`, [out, columns], orthogonal(stream(name), out, columns, gain)),
    tensor(`${name}.bias`, [out], new Float32Array(out)),
  ];
  const norm = (name: string) => [
    tensor(`${name}.weight`, [width], new Float32Array(width).fill(1)),
    tensor(`${name}.bias`, [width], new Float32Array(width)),
  ];
  const table = (kind: string, rows: number, deviation: number) => {
    const name = `bert.embeddings.${kind}_embeddings`;
    return tensor(`${name}.weight`, [rows, width], normal(stream(name), rows * width, deviation));
  };
  const layer = (index: number) => {
    const name = `bert.encoder.layer.${index}`;
    return [
      ...linear(`${name}.attention.self.query`, width, width, 1),
      ...linear(`${name}.attention.self.key`, width, width, 1),
      ...linear(`${name}.attention.self.value`, width, width, 1),
      ...linear(`${name}.attention.output.dense`, width, width, residualGain),
      ...norm(`${name}.attention.output.LayerNorm`),
      ...linear(`${name}.intermediate.dense`, feedForward, width, 1),
      ...linear(`${name}.output.dense`, width, feedForward, residualGain),
      ...norm(`${name}.output.LayerNorm`),
    ];
  };
  return [
    table("word", sizes.vocabulary, wordDeviation),
    table("position", sizes.positions, placeDeviation),
    table("token_type", sizes.tokenTypes, placeDeviation),
    ...norm("bert.embeddings.LayerNorm"),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    ...linear("bert.pooler.dense", width, width, 1),
  ];
}

function tensor(name: string, shape: readonly number[], data: Float32Array): SafetensorsInput {
  return { name, shape, data };
}

function stream(name: string): RandomStream {
  return randomStream(seed, "built-in base", name);
}

function normal(draws: RandomStream, count: number, deviation: number): Float32Array {
  return Float32Array.from({ length: count }, () => deviation * draws.normal());
}

/**
 * A random [rows, columns] matrix whose shorter side is orthonormal, times `gain`: Gram-Schmidt, twice for accuracy, on rows (or columns, where there
 * are fewer) of normal numbers (Saxe et al. 2014, arXiv:1312.6120).
 */
function orthogonal(
  draws: RandomStream,
  rows: number,
  columns: number,
  gain: number,
): Float32Array {
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const vectors: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const vector = Float64Array.from({ length }, () => draws.normal());
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) {
        const product = dot(vector, other);
        for (let j = 0; j < length; j++) vector[j] -= product * other[j];
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((value) => value / norm));
  }
  return Float32Array.from({ length: rows * columns }, (_, index) => {
    const row = Math.floor(index / columns);
    const column = index % columns;
    return gain * (rows <= columns ? vectors[row][column] : vectors[column][row]);
  });
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}
