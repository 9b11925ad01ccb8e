/** The decoders whose generation is measured, with random weights, and what a token reads of them. @module */

import { GPT2 } from "../../src/cli/doctor/shapes.ts";
import {
  elementCount,
  elementsBytes,
  extentOf,
  type Program,
  storedBytes,
} from "../../src/engine/program.ts";
import { buildGeneration, PROGRAMS } from "../../src/generate/programs.ts";
import { cacheCapacity, PROMPT_BLOCK, requireDecoder } from "../../src/generate/generator.ts";
import type { BaseDtype } from "../../src/lora/adapted_model.ts";
import { readModel } from "../../src/models/mod.ts";

/** A decoder by its config.json, and how it is stored. */
export interface DecoderShape {
  /** As the tables call it. */
  readonly title: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly baseDtype: BaseDtype;
}

/** Decoders by the name that programs take as `--shape`. */
export const DECODERS = {
  "gpt2": { title: "12 × 768 (GPT-2, 124 M), f32", config: GPT2, baseDtype: "f32" },
  "gpt2-f16": { title: "12 × 768 (GPT-2, 124 M), f16", config: GPT2, baseDtype: "f16" },
  "gpt2-int8": { title: "12 × 768 (GPT-2, 124 M), int8", config: GPT2, baseDtype: "int8" },
  "tinystories": {
    title: "2 × 128 (TinyStories, 656 k), f32",
    config: {
      model_type: "llama",
      vocab_size: 2048,
      hidden_size: 128,
      num_hidden_layers: 2,
      num_attention_heads: 8,
      num_key_value_heads: 4,
      intermediate_size: 384,
      max_position_embeddings: 512,
      tie_word_embeddings: true,
    },
    baseDtype: "f32",
  },
} as const satisfies Record<string, DecoderShape>;

/** Tokens of the texts that are generated: what a token reads is weights, far more than keys and values. */
export const TEXT_TOKENS = 128;

/** The decoder of that name; RangeError for another one. */
export function decoderOf(name: string): DecoderShape {
  if (Object.hasOwn(DECODERS, name)) return DECODERS[name as keyof typeof DECODERS];
  throw new RangeError(
    `Cannot measure shape "${name}": expected ${Object.keys(DECODERS).join(", ")}`,
  );
}

/** Bytes of weights that a token reads: every matrix and vector once, of embedding tables a row. */
export function bytesOfToken({ config, baseDtype }: DecoderShape): number {
  const model = requireDecoder(readModel(config));
  const plan = { model, rank: 0, adapted: new Set<string>(), baseDtype };
  const sizes = { capacity: cacheCapacity(TEXT_TOKENS), block: PROMPT_BLOCK };
  const built = buildGeneration({ ...plan, ...sizes }, "cpu");
  const { program } = built.find(({ program }) => program.name === PROGRAMS.token)!;
  return program.nodes.flatMap(({ op, inputs }) =>
    inputs.filter((input) => isWeight(program, input.placement)).map(({ dtype, shape }) =>
      op === "embedding"
        ? elementsBytes(dtype, elementCount(shape.slice(-1)))
        : storedBytes(extentOf(dtype, shape))
    )
  ).reduce((sum, bytes) => sum + bytes);
}

function isWeight(
  { buffers }: Program,
  placement: Program["tensors"][number]["placement"],
): boolean {
  return placement.kind === "buffer" && buffers.get(placement.buffer)?.role === "weight";
}
