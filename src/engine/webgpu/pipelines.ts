/** Compute pipelines, compiled once per (text, features, constants). @module */

import type { KernelCall } from "../op.ts";
import { type BindingKind, bindingKinds, numbered, specialise } from "./shader.ts";
import { type ParamField, paramFields } from "./params.ts";

/** A compiled kernel. */
export interface Pipeline {
  /** The variant's name. */
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly bindings: readonly BindingKind[];
  readonly fields: readonly ParamField[];
}

/** The shader compiler refused a kernel: a defect of this program or of the driver. */
export class ShaderError extends Error {
  override name = "ShaderError";
}

/** A cache of pipelines on one device. */
export interface PipelineCache {
  /** Compiles, or returns what was compiled before. Errors appear in `check`. */
  get(name: string, call: KernelCall): Pipeline;
  /** @throws ShaderError for the first kernel that did not compile, with the messages and the numbered text. */
  check(): Promise<void>;
}

/** Starts an empty cache. */
export function createPipelineCache(device: GPUDevice): PipelineCache {
  const pipelines = new Map<string, Pipeline>();
  const pending: Promise<void>[] = [];
  return {
    get(name, call) {
      const source = specialise(call.source, call.features);
      const constants = { ...call.constants };
      const label = variantName(name, call);
      const key = `${label}\n${source}`;
      let pipeline = pipelines.get(key);
      if (pipeline === undefined) {
        const scope = compile(device, label, source, constants);
        pipeline = scope.pipeline;
        pending.push(scope.failure);
        pipelines.set(key, pipeline);
      }
      return pipeline;
    },
    async check() {
      await Promise.all(pending.splice(0));
    },
  };
}

/** "matmul bias low_rank ROW_LANES=8": readable in a profile and unique among the variants of a kernel. */
export function variantName(name: string, { features = [], constants = {} }: KernelCall): string {
  const settings = Object.entries(constants).map(([key, value]) => `${key}=${value}`);
  return [name, ...features.map((feature) => feature.toLowerCase()), ...settings].join(" ");
}

function compile(
  device: GPUDevice,
  label: string,
  source: string,
  constants: Record<string, number>,
): { pipeline: Pipeline; failure: Promise<void> } {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label, code: source });
  const bindings = bindingKinds(source);
  const layout = device.createBindGroupLayout({
    label,
    entries: bindings.map((kind, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: {
        type: kind === "uniform" ? "uniform" : kind === "read" ? "read-only-storage" : "storage",
      },
    })),
  });
  const pipeline = device.createComputePipeline({
    label,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main", constants: used(source, constants) },
  });
  const failure = device.popErrorScope().then((error) => {
    if (error === null) return;
    throw new ShaderError(
      `Cannot compile kernel "${label}": ${error.message}\n${numbered(source)}`,
    );
  });
  return {
    pipeline: { name: label, pipeline, layout, bindings, fields: paramFields(source) },
    failure,
  };
}

/** Override constants that the text declares; a library's constant may be absent from a kernel that does not use it. */
function used(source: string, constants: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(constants).filter(([name]) => new RegExp(`override ${name}\\b`).test(source)),
  );
}
