/** Runs a model's forward pass by itself: frozen weights, no adapters, no dropout unless it is watched. */

import type { BufferData, Device } from "../../src/engine/device.ts";
import { lower } from "../../src/engine/lower.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { pool } from "../../src/engine/ops/pool.ts";
import {
  bufferTensor,
  createProgram,
  keepAs,
  type Program,
  type Tensor,
} from "../../src/engine/program.ts";
import { isTransposed, type Model, type ModelContext, readModel } from "../../src/models/mod.ts";
import { decodeSafetensors, toFloat32 } from "../../src/protocol/safetensors.ts";
import { transpose } from "../../src/weights/transpose.ts";

/** Families with a tiny model in tests/golden. */
export const FAMILIES = [
  "bert",
  "distilbert",
  "roberta",
  "llama",
  "qwen2",
  "qwen3",
  "gemma",
  "gpt2",
] as const;

/** Folders of tests/golden with a tiny model: the families, and Llama once more with Llama 3.1's rotary scaling. */
export const GOLDENS = [...FAMILIES, "llama3"] as const;

/** Numbers with their shape. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A tiny model with what PyTorch computes with it. */
export interface Golden {
  readonly model: Model;
  readonly weights: ReadonlyMap<string, Values>;
  readonly expected: ReadonlyMap<string, Values>;
}

/** One call of {@linkcode ModelContext.linear}. */
export interface LinearCall {
  readonly name: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}

/** What a model asked its context for. */
export interface Requests {
  readonly weights: Map<string, readonly number[]>;
  readonly constants: Map<string, Float32Array>;
  readonly linears: LinearCall[];
  /** Names of the tensors that went through dropout. */
  readonly dropouts: string[];
}

/** A context over buffers named like the weights, with a record of what is asked of it; `drops` builds the model for dropout, of which none happens. */
export function recordingContext(
  program: Program,
  B: number,
  T: number,
  drops = false,
  device: ModelContext["device"] = "cpu",
): { context: ModelContext; requests: Requests } {
  const requests: Requests = {
    weights: new Map(),
    constants: new Map(),
    linears: [],
    dropouts: [],
  };
  const weight = (name: string, shape: readonly number[]): Tensor => {
    requests.weights.set(name, shape);
    return bufferTensor(program, "weight", name, shape);
  };
  const context: ModelContext = {
    program,
    device,
    inputs: {
      ids: bufferTensor(program, "input", "ids", [B, T], "u32"),
      mask: bufferTensor(program, "input", "mask", [B, T], "u32"),
      positions: bufferTensor(program, "input", "positions", [B, T], "u32"),
      poolWeights: bufferTensor(program, "input", "pool_weights", [B, T]),
    },
    weight,
    constant(name, shape, data) {
      requests.constants.set(name, data);
      return bufferTensor(program, "weight", name, shape);
    },
    linear(name, x, outFeatures, bias) {
      const inFeatures = x.shape[x.shape.length - 1];
      requests.linears.push({ name, inFeatures, outFeatures, bias });
      const w = weight(`${name}.weight`, [outFeatures, inFeatures]);
      return linear(program, x, w, bias ? weight(`${name}.bias`, [outFeatures]) : undefined);
    },
    dropout(x) {
      requests.dropouts.push(x.name);
      return x;
    },
    drops,
  };
  return { context, requests };
}

/** What a whole forward pass, pooled and classified, asks for. */
export function requestsOf(model: Model, labels: number): Requests {
  const program = createProgram("requests");
  const { context, requests } = recordingContext(program, 2, 3, true);
  const pooled = pool(program, model.encode(context), context.inputs.poolWeights);
  model.classify(context, pooled, labels);
  return requests;
}

/** B rows of T tokens, as a program reads them. */
export interface Rows {
  readonly B: number;
  readonly T: number;
  readonly ids: Uint32Array;
  readonly mask: Uint32Array;
}

/** How token weights follow from a row's mask. */
export const POOLINGS: Readonly<Record<string, (mask: Uint32Array) => Float32Array>> = {
  first: (mask) => Float32Array.from(mask, (_, t) => t === 0 ? 1 : 0),
  last: (mask) => Float32Array.from(mask, (_, t) => t === mask.lastIndexOf(1) ? 1 : 0),
  mean: (mask) => {
    const real = mask.reduce((sum, one) => sum + one, 0);
    return Float32Array.from(mask, (one) => one / real);
  },
};

/** Hidden states [B,T,C] and, per pooling, logits [B, labels]. */
export interface Forward {
  readonly hidden: BufferData;
  readonly logits: Readonly<Record<string, BufferData>>;
}

/** Runs the forward pass for each of `batches`, all programs loaded together; `drops` as in {@linkcode recordingContext}. */
export async function runForward(
  device: Device,
  model: Model,
  weights: ReadonlyMap<string, Values>,
  batches: readonly Rows[],
  labels: number,
  drops = false,
): Promise<Forward[]> {
  const built = batches.map(({ B, T }, i) =>
    buildForward(`forward ${i}`, model, B, T, labels, drops, device.info.kind)
  );
  const executor = await device.load(built.map(({ program }) => program));
  try {
    for (const { requests } of built) {
      for (const name of requests.weights.keys()) executor.write(name, weights.get(name)!.data);
      for (const [name, data] of requests.constants) executor.write(name, data);
    }
    const results: Forward[] = [];
    for (const [i, rows] of batches.entries()) {
      const { name } = built[i].program;
      executor.write("ids", rows.ids);
      executor.write("mask", rows.mask);
      executor.write("positions", Uint32Array.from(perRow(rows, model.positions)));
      const logits: Record<string, BufferData> = {};
      for (const [pooling, weigh] of Object.entries(POOLINGS)) {
        executor.write("pool_weights", Float32Array.from(perRow(rows, weigh)));
        executor.run(name);
        logits[pooling] = await executor.read(`${name} logits`);
      }
      results.push({ hidden: await executor.read(`${name} hidden`), logits });
    }
    return results;
  } finally {
    await executor.close();
  }
}

function buildForward(
  name: string,
  model: Model,
  B: number,
  T: number,
  labels: number,
  drops: boolean,
  device: ModelContext["device"],
) {
  const program = createProgram(name);
  const { context, requests } = recordingContext(program, B, T, drops, device);
  const hidden = model.encode(context);
  const pooled = pool(program, hidden, context.inputs.poolWeights);
  const logits = model.classify(context, pooled, labels);
  keepAs(program, hidden, `${name} hidden`);
  keepAs(program, logits, `${name} logits`);
  return { program: lower(program), requests };
}

function perRow({ B, T, mask }: Rows, f: (row: Uint32Array) => ArrayLike<number>): number[] {
  return Array.from({ length: B }, (_, b) => Array.from(f(mask.subarray(b * T, (b + 1) * T))))
    .flat();
}

/** The same rows with `extra` tokens of padding at the right of each. */
export function padded({ B, T, ids, mask }: Rows, extra: number, padding: number): Rows {
  const widen = (values: Uint32Array, fill: number) =>
    Uint32Array.from({ length: B * (T + extra) }, (_, i) => {
      const b = Math.floor(i / (T + extra)), t = i % (T + extra);
      return t < T ? values[b * T + t] : fill;
    });
  return { B, T: T + extra, ids: widen(ids, padding), mask: widen(mask, 0) };
}

/** The tiny model of a family and its goldens. */
export function readGolden(family: string): Golden {
  const model = readModel(readJson(new URL(`../golden/${family}/config.json`, import.meta.url)));
  return { model, weights: readTinyWeights(family), expected: readGoldenValues(family) };
}

/** The weights of a family's tiny model, matrices as [out, in] however they are stored. */
export function readTinyWeights(family: string): Map<string, Values> {
  const stored = readValues(new URL(`../golden/${family}/model.safetensors`, import.meta.url));
  return new Map([...stored].map(([name, { shape, data }]) => [
    name,
    isTransposed(name)
      ? { shape: shape.toReversed(), data: transpose(data, shape[0], shape[1]) }
      : { shape, data },
  ]));
}

/** The numbers that PyTorch computed. */
export function readGoldenValues(folder: string): Map<string, Values> {
  return readValues(new URL(`../golden/${folder}/golden.safetensors`, import.meta.url));
}

/** A golden's batch. */
export function goldenRows(expected: ReadonlyMap<string, Values>): Rows {
  const ids = expected.get("input_ids")!;
  const mask = expected.get("attention_mask");
  const [B, T] = ids.shape;
  return {
    B,
    T,
    ids: Uint32Array.from(ids.data),
    mask: mask ? Uint32Array.from(mask.data) : new Uint32Array(B * T).fill(1),
  };
}

/** All tensors of a safetensors file, as f32. */
export function readValues(file: URL | string): Map<string, Values> {
  const { tensors } = decodeSafetensors(Deno.readFileSync(file));
  return new Map(
    [...tensors].map(([name, { dtype, shape, bytes }]) => [name, {
      shape,
      data: toFloat32(dtype, bytes),
    }]),
  );
}

/** A parsed JSON file. */
export function readJson(file: URL | string): Record<string, unknown> {
  return JSON.parse(Deno.readTextFileSync(file));
}

/** max |actual − expected|; infinite where either holds a NaN. */
export function largestDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
