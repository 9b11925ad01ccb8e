/** Which sizes of models can be trained: planned as a run plans its memory, without weights. @module */

import { DeviceMemoryError } from "../../engine/device.ts";
import { layOut } from "../../engine/cpu/layout.ts";
import { workingBytes } from "../../engine/cpu/working_memory.ts";
import { operation } from "../../engine/ops/registry.ts";
import { type MemoryPlan, planMemory, plannedBytes } from "../../engine/plan.ts";
import { elementCount, type Program } from "../../engine/program.ts";
import { checkSizes } from "../../engine/webgpu/buffers.ts";
import { completeRemoteConfig } from "../../federated/complete_run_config.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { chooseTargets } from "../../federated/targets.ts";
import type { Task } from "../../protocol/task.ts";
import {
  type AdaptedModel,
  type BaseDtype,
  baseDtypes,
  buildEvaluation,
  buildTraining,
  type BuiltProgram,
} from "../../lora/adapted_model.ts";
import { packLayout } from "../../lora/layout.ts";
import { frozenTensors } from "../../lora/load.ts";
import { type Model, readModel } from "../../models/mod.ts";
import type { KnownShape } from "./shapes.ts";

/** The fewest labels of a classifier; more of them change little. */
const LABELS = 2;

/** A device, as far as it limits what is placed on it. */
export type DeviceLimits =
  & {
    /** Bytes of the system's memory that are free; undefined where the device has memory of its own, which WebGPU does not tell. */
    readonly available: number | undefined;
  }
  & (
    | { readonly kind: "cpu"; readonly threads: number }
    | {
      readonly kind: "webgpu";
      readonly limits: Pick<GPUSupportedLimits, "maxBufferSize" | "maxStorageBufferBindingSize">;
    }
  );

/** What training takes by one storage of the base. */
export interface TrainingMemory {
  readonly baseDtype: BaseDtype;
  /** Whether layers are computed again in the backward pass. */
  readonly recompute: boolean;
  /** Bytes of the plan, of the largest weight while it is loaded, and of the program that asks. */
  readonly bytes: number;
  /** Whether the device takes it. */
  readonly fits: boolean;
}

/** A model's size on a device. */
export interface TrainingSize {
  readonly name: string;
  /** Numbers that it computes with, without a classifier's head and adapters. */
  readonly parameters: number;
  readonly memory: readonly TrainingMemory[];
}

/** Settings that the plans are made for: a run's defaults. */
export function plannedSettings(
  task: Task,
): Pick<RunConfig, "task" | "batch" | "seqLen" | "rank" | "evalBatch"> {
  const { batch, seqLen, rank, evalBatch } = completeRemoteConfig({ task });
  return { task, batch, seqLen, rank, evalBatch };
}

/**
 * A model's training memory in every way that there is to store the base, with and without recomputation.
 *
 * @param runtime bytes that a process takes beside the plan
 */
export function trainingSize(
  { name, config }: KnownShape,
  device: DeviceLimits,
  runtime: number,
  task: Task = "classify",
): TrainingSize {
  const model = readModel(config);
  const settings = completeRemoteConfig({ task });
  let parameters = 0;
  const memory = baseDtypes.flatMap((baseDtype) =>
    [false, true].map((recompute): TrainingMemory => {
      const built = programsOf(model, { ...settings, baseDtype, recompute }, device.kind);
      const programs = built.map(({ program }) => program);
      // Tables that a family computes for itself are no parameters.
      const constants = new Set(built.flatMap(({ constants }) => [...constants.keys()]));
      const weights = [...frozenTensors(programs)].filter(([name]) => !constants.has(name))
        .map(([, shape]) => elementCount(shape));
      parameters = weights.reduce((sum, count) => sum + count, 0);
      const plan = planMemory(programs);
      const planned = Object.values(plannedBytes(plan)).reduce((sum, bytes) => sum + bytes, 0);
      // Weights come tensor by tensor as float32.
      const bytes = planned + 4 * Math.max(...weights) + runtime;
      return { baseDtype, recompute, bytes, fits: fitsOn(device, programs, plan, bytes) };
    })
  );
  return { name, parameters, memory };
}

/** Whether a model can be trained for a task: every one classifies, decoders predict. */
export function isTrainableFor(task: Task, { config }: KnownShape): boolean {
  return task === "classify" || readModel(config).languageModel?.objective === "next";
}

/** A run's programs at their longest: shorter ones share their memory. */
function programsOf(
  model: Model,
  settings: RunConfig,
  kind: DeviceLimits["kind"],
): BuiltProgram[] {
  const { rank, alpha, dropout, loraDropout, optimizer, baseDtype, recompute } = settings;
  const modules = chooseTargets(model, settings.targets);
  const ofTask = settings.task === "classify"
    ? { labels: LABELS, layout: packLayout(modules, rank, model.head(LABELS, () => false)) }
    : { layout: packLayout(modules, rank, []) };
  const adapted: AdaptedModel = {
    ...{ model, dropout, loraDropout, optimizer, baseDtype, recompute },
    ...ofTask,
    scale: alpha / rank,
    proximal: settings.proximal > 0,
  };
  const { batch, evalBatch, seqLen: T, localSteps } = settings;
  return [
    buildTraining(adapted, { B: batch, T, ring: localSteps }, kind),
    buildEvaluation(adapted, { B: evalBatch, T, ring: 1 }, kind),
  ];
}

function fitsOn(
  device: DeviceLimits,
  programs: readonly Program[],
  plan: MemoryPlan,
  bytes: number,
): boolean {
  if (device.available !== undefined && bytes > device.available) return false;
  try {
    if (device.kind === "cpu") {
      layOut(plan, workingBytes(programs, device.threads, operation));
    } else checkSizes(plan, device.limits, device.limits.maxStorageBufferBindingSize);
    return true;
  } catch (error) {
    if (error instanceof DeviceMemoryError) return false;
    throw error;
  }
}
