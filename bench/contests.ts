/** What `deno task bench` measures. @module */

import type { Contest } from "./harness/contest.ts";
import {
  ceilingSpeed,
  encodeTime,
  gpuTime,
  peakMemory,
  productSpeed,
  readSpeed,
  stepSpeed,
  tokenSpeed,
} from "./harness/figures.ts";
import { DECODERS } from "./generate/decoders.ts";
import type { Machine } from "./harness/machine.ts";
import { denoProgram } from "./harness/programs.ts";
import { type ShapeName, SHAPES } from "./harness/shapes.ts";

/** The engine on the CPU, and on WebGPU where there is an adapter. */
export function ourContests({ adapter }: Pick<Machine, "adapter">, threads: number): Contest[] {
  const graphics = adapter ? webgpuContests(adapter.software) : [];
  return [...cpuContests(threads), ...graphics];
}

/** Decoding reads every weight for each token, so memory is its ceiling; a small model's weights stay in the caches. */
function decodingContests(threads: number): Contest[] {
  return Object.entries(DECODERS).map(([shape, { title }]): Contest => {
    const ours = denoProgram("generate/decode.ts", { device: "cpu", threads, shape });
    const reading = denoProgram("generate/read.ts", { threads, shape });
    return {
      name: `cpu generate ${shape}`,
      subjects: { ours, reading },
      rows: [
        { what: `CPU: reading the weights of ${title}`, ours: "reading", figure: readSpeed },
        {
          what: `CPU: generating, ${title}`,
          ours: "ours",
          figure: tokenSpeed,
          peer: { title: "memory's speed", subject: "reading" },
        },
      ],
    };
  });
}

function cpuContests(threads: number): Contest[] {
  const flags = { device: "cpu", threads };
  const steps = Object.keys(SHAPES) as ShapeName[];
  return [
    {
      name: "cpu matmul",
      subjects: {
        ours: denoProgram("programs/matmul.ts", flags),
        ceiling: denoProgram("programs/ceiling.ts", flags),
      },
      rows: [
        { what: "CPU: multiply-adds in registers", ours: "ceiling", figure: ceilingSpeed },
        {
          what: "CPU: matmul 1024³",
          ours: "ours",
          figure: productSpeed,
          peer: { title: "ceiling", subject: "ceiling", figure: ceilingSpeed },
        },
      ],
    },
    ...steps.map((shape): Contest => ({
      name: `cpu lora ${shape}`,
      subjects: { ours: denoProgram("programs/lora_step.ts", { ...flags, shape }) },
      rows: [
        { what: `CPU: LoRA step, ${stepTitle(shape)}`, ours: "ours", figure: stepSpeed },
        ...(shape === "minilm"
          ? [{ what: "CPU: peak memory of that process", ours: "ours", figure: peakMemory }]
          : []),
      ],
    })),
    {
      name: "cpu pretrain",
      subjects: { ours: denoProgram("programs/pretrain_step.ts", flags) },
      rows: [{
        what: "CPU: pretraining step, 4 × 128, B 16, T 128",
        ours: "ours",
        figure: stepSpeed,
      }],
    },
    ...decodingContests(threads),
  ];
}

/** On a software adapter the matrix is smaller, and so are the batches. */
function webgpuContests(software: boolean): Contest[] {
  const { side, batch } = webgpuSizes(software);
  const flags = { device: "webgpu" };
  const encoded = software ? "small" : "minilm";
  return [
    {
      name: "webgpu matmul",
      subjects: {
        ours: denoProgram("programs/matmul.ts", { ...flags, size: side }),
        ceiling: denoProgram("programs/ceiling.ts", flags),
      },
      rows: [
        { what: "WebGPU: multiply-adds in registers", ours: "ceiling", figure: ceilingSpeed },
        {
          what: `WebGPU: matmul ${side}³`,
          ours: "ours",
          figure: productSpeed,
          peer: { title: "ceiling", subject: "ceiling", figure: ceilingSpeed },
        },
      ],
    },
    {
      name: "webgpu lora minilm",
      subjects: {
        ours: denoProgram("programs/lora_step.ts", { ...flags, shape: "minilm", size: batch }),
      },
      rows: [{
        what: `WebGPU: LoRA step, ${stepTitle("minilm", batch)}`,
        ours: "ours",
        figure: stepSpeed,
      }],
    },
    {
      name: "webgpu encode",
      subjects: {
        ours: denoProgram("programs/encode_time.ts", { shape: encoded, size: batch }),
      },
      rows: [{
        what: `WebGPU: encoding a step, ${stepTitle(encoded, batch)}`,
        ours: "ours",
        figure: encodeTime,
        peer: { title: "GPU time", subject: "ours", figure: gpuTime },
      }],
    },
  ];
}

/** Side of the matrices, and rows of a step of the MiniLM shape. */
export function webgpuSizes(software: boolean): { side: number; batch: number } {
  return software ? { side: 1024, batch: 2 } : { side: 4096, batch: SHAPES.minilm.batch };
}

/** A shape with its batch, for tables. */
export function stepTitle(shape: ShapeName, batch: number = SHAPES[shape].batch): string {
  return `${SHAPES[shape].title}, B ${batch}, T 128`;
}
