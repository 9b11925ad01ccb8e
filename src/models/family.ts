/**
 * What a model family is: how its config.json reads, how its forward pass is written down, and which head Hugging Face puts on it.
 * A further family is one file that exports a {@linkcode Family}, and one line in the registry (mod.ts).
 *
 * @module
 */

import type { DeviceInfo } from "../engine/device.ts";
import type { Program, Tensor } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";

/** Inputs of a program, written before every run. B rows of T tokens. */
export interface ModelInputs {
  /** [B,T] u32 token ids. */
  readonly ids: Tensor;
  /** [B,T] u32, 1 for a real token; under {@linkcode ModelContext.documents} the number of its document, from 1. */
  readonly mask: Tensor;
  /** [B,T] u32 positions, as {@linkcode Family.positions} computes them. */
  readonly positions: Tensor;
  /** [B,T] pooling weights: mean, first or last real token. */
  readonly poolWeights: Tensor;
}

/** Keys and values of a row's tokens, kept from run to run, for programs that see T tokens of the row at a time. */
export interface KeyValueCache {
  /** Tokens that it holds: a multiple of T. */
  readonly capacity: number;
  /** [1] u32: how many blocks of T tokens lie before those of the program. */
  readonly cursor: Tensor;
  /** Keeps the new tokens' rows [1,T,W]; all rows [capacity, W], theirs among them. Every call has rows of its own, told apart by the order of the calls. */
  append(rows: Tensor): Tensor;
}

/** What a family's forward pass is written with. Names are full Hugging Face names. */
export interface ModelContext {
  /** The program that the forward pass is added to. */
  readonly program: Program;
  /** What it will run on: the same operations are not the fastest everywhere. */
  readonly device: DeviceInfo["kind"];
  /** Tokens, mask, positions and pooling weights of the batch. */
  readonly inputs: ModelInputs;
  /** Whether a row may hold several documents, each in one piece, of which no token sees another's (default: no). */
  readonly documents?: boolean;
  /** Where decoders keep keys and values, in programs that generate; their B is 1, and positions lie below its capacity. Absent where rows are seen whole. */
  readonly cache?: KeyValueCache;
  /** A weight of the checkpoint or of the head. */
  weight(name: string, shape: readonly number[]): Tensor;
  /** A constant computed by the family rather than read from the checkpoint, such as a table of rotation angles. */
  constant(name: string, shape: readonly number[], data: Float32Array): Tensor;
  /** A linear layer `name`.weight [out, in] (and `name`.bias [out]), with its adapter where it has one. */
  linear(name: string, x: Tensor, outFeatures: number, bias: boolean): Tensor;
  /** Dropout of the base model, at the run's rate; the identity in evaluation. */
  dropout(x: Tensor): Tensor;
  /** Whether {@linkcode dropout} drops anything in this program. */
  readonly drops: boolean;
}

/** A tensor of the classification head: full name, shape, and how it starts. */
export interface HeadTensor {
  /** Full Hugging Face name, such as "score.weight". */
  readonly name: string;
  /** Row-major, as PyTorch has it: a linear layer's weight is [out, in]. */
  readonly shape: readonly number[];
  /** Standard deviation of the normal distribution it is drawn from; 0 for biases. */
  readonly deviation: number;
}

/** A model read from its config.json: everything that depends on it. */
export interface Model {
  /** Name of the {@linkcode Family} that read it. */
  readonly family: string;
  /** Width C of the hidden states. */
  readonly width: number;
  /** Token ids V, 0 to V − 1. */
  readonly vocabulary: number;
  /** Longest sequence the model can take, in tokens, special ones included. */
  readonly maxTokens: number;
  /** Every linear module that can carry an adapter, in forward order. */
  readonly modules: readonly ModuleShape[];
  /** Matches the modules adapted by default: all attention projections. */
  readonly defaultTargets: RegExp;
  /** Prefixes that checkpoints saved from the base class leave out, such as "bert.". */
  readonly prefixes: readonly string[];
  /** Where a checkpoint may hold a tensor under the name of another that is tied to it: embeddings under a language model's output layer. */
  readonly tied: Readonly<Record<string, string>>;
  /** Tensors of Hugging Face's ForSequenceClassification head; `has` tells which base tensors the checkpoint holds. */
  head(labels: number, has: (name: string) => boolean): readonly HeadTensor[];
  /** Positions [T] of the tokens of one row, from its mask [T]. */
  positions(mask: Uint32Array): Uint32Array;
  /** Hidden states [B,T,C] of the last layer. */
  encode(context: ModelContext): Tensor;
  /** Logits [B, labels] from pooled hidden states [B,C]. */
  classify(context: ModelContext, pooled: Tensor, labels: number): Tensor;
  /**
   * Logits [N,V] of tokens from hidden states [N,C], by Hugging Face's language-model head: of the masked token itself where {@linkcode objective}
   * is "masked", of the one after it where it is "next". Absent where the family cannot be pretrained here.
   */
  readonly languageModel?: {
    readonly objective: "masked" | "next";
    /** Class of the checkpoint that holds this head, for config.json's "architectures". */
    readonly architecture: string;
    logits(context: ModelContext, states: Tensor): Tensor;
  };
}

/** A group of architectures that one file reads and writes down, such as BERT's or Llama's. */
export interface Family {
  /** What errors and reports call it. */
  readonly name: string;
  /** Values of config.json's model_type that this family serves. */
  readonly modelTypes: readonly string[];
  /**
   * The model that a parsed config.json describes.
   *
   * @throws UnsupportedModelError naming the setting that this family does not implement.
   */
  read(config: Readonly<Record<string, unknown>>): Model;
}
