/** What `deno task bench:peers` measures: the rows that were asked for, and what each is held against. @module */

import { stepTitle, webgpuSizes } from "../contests.ts";
import type { Asked, Contest, RowPlan } from "../harness/contest.ts";
import {
  ceilingSpeed,
  encodeTime,
  gpuTime,
  peakMemory,
  productSpeed,
  stepSpeed,
} from "../harness/figures.ts";
import type { Machine } from "../harness/machine.ts";
import { type Arguments, denoProgram, pythonProgram } from "../harness/programs.ts";
import { type ShapeName, SHAPES } from "../harness/shapes.ts";
import type { Command } from "../harness/subject.ts";

/** PyTorch's interpreter and how it is called. */
export interface TorchPeer {
  readonly python: string;
  /** As the table calls it, for instance with OpenBLAS's core type. */
  readonly title: string;
  /** A core type with which OpenBLAS is faster than by its own choice. */
  readonly better?: string | undefined;
}

const atLeast = (ratio: number): Asked => ({ ratio, bound: "at least" });

/** The contests that this machine can hold. */
export function peerContests(
  { adapter }: Pick<Machine, "adapter">,
  torch: TorchPeer,
  threads: number,
): Contest[] {
  const graphics = adapter === undefined ? [] : [
    webgpuMatmul(adapter.software, torch),
    ...(adapter.software ? [jaxStep()] : gpuSteps(torch)),
    encoding(adapter.software),
  ];
  return [...cpuContests(torch, threads), ...graphics];
}

function cpuContests(torch: TorchPeer, threads: number): Contest[] {
  const flags = { device: "cpu", threads };
  const better = torch.better === undefined ? [] : [torch.better];
  const installed = { title: torch.title, subject: "PyTorch" };
  const tuned = (coreType: string) => ({
    title: `PyTorch told to use ${coreType}`,
    subject: coreType,
  });
  const betterCommands = (command: (coreType: string) => Command) =>
    Object.fromEntries(better.map((coreType) => [coreType, command(coreType)]));
  const product = { what: "CPU matmul 1024³", ours: "ours", figure: productSpeed };
  const matmul: Contest = {
    name: "cpu matmul",
    subjects: {
      ours: denoProgram("programs/matmul.ts", flags),
      ceiling: denoProgram("programs/ceiling.ts", flags),
      PyTorch: torchProgram(torch, "torch_matmul.py", flags),
      ...betterCommands((coreType) => torchProgram(torch, "torch_matmul.py", flags, coreType)),
      "jax-js": denoProgram("peers/jax_matmul.ts", { device: "cpu" }),
    },
    rows: [
      {
        ...product,
        peer: {
          title: "bare multiply-add loop",
          subject: "ceiling",
          figure: ceilingSpeed,
          asked: atLeast(0.65),
        },
      },
      { ...product, peer: { ...installed, asked: atLeast(0.4) } },
      ...better.map((coreType): RowPlan => ({
        ...product,
        peer: { ...tuned(coreType), asked: atLeast(0.4) },
      })),
      { ...product, peer: { title: "jax-js on WASM, all cores", subject: "jax-js" } },
    ],
  };
  const steps = Object.entries({ small: 5, minilm: 2, distilbert: 1.5 }).map(([name, ratio]) => {
    const shape = name as ShapeName;
    const step = { what: `CPU LoRA step, ${stepTitle(shape)}`, ours: "ours", figure: stepSpeed };
    const memory = { what: "peak memory of that process", ours: "ours", figure: peakMemory };
    return {
      name: `cpu lora ${shape}`,
      subjects: {
        ours: denoProgram("programs/lora_step.ts", { ...flags, shape }),
        PyTorch: torchProgram(torch, "torch_lora_step.py", { ...flags, ...torchSizes(shape) }),
        ...betterCommands((coreType) =>
          torchProgram(torch, "torch_lora_step.py", { ...flags, ...torchSizes(shape) }, coreType)
        ),
      },
      rows: [
        { ...step, peer: { ...installed, asked: atLeast(ratio) } },
        ...better.map((coreType): RowPlan => ({ ...step, peer: tuned(coreType) })),
        ...(shape === "minilm"
          ? [{ ...memory, peer: { ...installed, asked: { ratio: 1, bound: "at most" } } } as const]
          : []),
      ],
    };
  });
  return [matmul, ...steps];
}

function webgpuMatmul(software: boolean, torch: TorchPeer): Contest {
  const { side: size } = webgpuSizes(software);
  const flags = { device: "webgpu", size };
  const product = { what: `WebGPU matmul ${size}³`, ours: "ours", figure: productSpeed };
  const asked = software ? { asked: atLeast(3.5) } : {};
  return {
    name: "webgpu matmul",
    subjects: {
      ours: denoProgram("programs/matmul.ts", flags),
      ceiling: denoProgram("programs/ceiling.ts", flags),
      "jax-js": denoProgram("peers/jax_matmul.ts", flags),
      tfjs: denoProgram("peers/tfjs_matmul.ts", flags),
      ...(!software &&
        { PyTorch: torchProgram(torch, "torch_matmul.py", { device: "cuda", size }) }),
    },
    rows: [
      { ...product, peer: { title: "jax-js on WebGPU", subject: "jax-js", ...asked } },
      { ...product, peer: { title: "tfjs-webgpu", subject: "tfjs", ...asked } },
      {
        ...product,
        peer: {
          title: "bare multiply-add kernel",
          subject: "ceiling",
          figure: ceilingSpeed,
          ...(!software && { asked: atLeast(0.4) }),
        },
      },
      ...(software ? [] : [{ ...product, peer: { title: "PyTorch on CUDA", subject: "PyTorch" } }]),
    ],
  };
}

/** On a software adapter both take a smaller batch, for time's sake. */
function jaxStep(): Contest {
  const { batch: size } = webgpuSizes(true);
  const flags = { device: "webgpu", shape: "minilm", size };
  return {
    name: "webgpu lora minilm",
    subjects: {
      ours: denoProgram("programs/lora_step.ts", flags),
      "jax-js": denoProgram("peers/jax_lora_step.ts", flags),
    },
    rows: [{
      what: `WebGPU LoRA step, ${stepTitle("minilm", size)}`,
      ours: "ours",
      figure: stepSpeed,
      peer: { title: "jax-js on WebGPU", subject: "jax-js", asked: atLeast(3) },
    }],
  };
}

/** Steps that a real GPU is held to. */
function gpuSteps(torch: TorchPeer): Contest[] {
  const plans = [["minilm", SHAPES.minilm.batch, 1], ["distilbert", 32, 0.5]] as const;
  return plans.map(([shape, size, ratio]): Contest => ({
    name: `webgpu lora ${shape}`,
    subjects: {
      ours: denoProgram("programs/lora_step.ts", { device: "webgpu", shape, size }),
      PyTorch: torchProgram(torch, "torch_lora_step.py", {
        device: "cuda",
        ...torchSizes(shape, size),
      }),
      ...(shape === "minilm" &&
        { "jax-js": denoProgram("peers/jax_lora_step.ts", { device: "webgpu", shape, size }) }),
    },
    rows: [
      {
        what: `WebGPU LoRA step, ${stepTitle(shape, size)}`,
        ours: "ours",
        figure: stepSpeed,
        peer: { title: "PyTorch on CUDA", subject: "PyTorch", asked: atLeast(ratio) },
      },
      ...(shape === "minilm"
        ? [{
          what: `WebGPU LoRA step, ${stepTitle(shape, size)}`,
          ours: "ours",
          figure: stepSpeed,
          peer: { title: "jax-js on WebGPU", subject: "jax-js" },
        }]
        : []),
    ],
  }));
}

function encoding(software: boolean): Contest {
  const shape = software ? "small" : "minilm";
  const { batch: size } = webgpuSizes(software);
  return {
    name: "webgpu encode",
    subjects: { ours: denoProgram("programs/encode_time.ts", { shape, size }) },
    rows: [{
      what: `WebGPU: encoding a step, ${stepTitle(shape, size)}`,
      ours: "ours",
      figure: encodeTime,
      peer: {
        title: "its GPU time",
        subject: "ours",
        figure: gpuTime,
        asked: { ratio: 0.3, bound: "less than" },
      },
    }],
  };
}

function torchProgram(
  { python }: TorchPeer,
  file: string,
  flags: Arguments,
  coreType?: string,
): Command {
  return pythonProgram(
    python,
    file,
    flags,
    coreType === undefined ? {} : { OPENBLAS_CORETYPE: coreType },
  );
}

function torchSizes(shape: ShapeName, batch: number = SHAPES[shape].batch): Arguments {
  const { layers, width, heads, feedForward } = SHAPES[shape];
  return { layers, width, heads, "feed-forward": feedForward, batch };
}
