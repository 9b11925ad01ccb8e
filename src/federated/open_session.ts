/** Puts a model's programs on a device, and finds the faster one where there is a choice. @module */

import { createCpuDevice } from "../engine/cpu/device.ts";
import type { Device, Executor, Tuning } from "../engine/device.ts";
import { loadOnFastest } from "../engine/fastest.ts";
import { findAdapter, isSoftware } from "../engine/webgpu/adapter.ts";
import { createWebgpuDevice } from "../engine/webgpu/device.ts";
import { BUFFERS } from "../lora/buffers.ts";
import { loadAdaptedModel, type ProgramSizes } from "../lora/load.ts";
import type { Session } from "../lora/session.ts";
import type { TrainableModel } from "./federation.ts";
import type { DeviceName } from "./settings/execution.ts";

/** Which device to use; "auto" measures. */
export interface DeviceChoice {
  /** The device by name, or `auto`. */
  readonly device: DeviceName;
  /** Threads of the CPU device. */
  readonly threads: number;
  /** Whether the session's executor keeps the times of what it runs (default: no). */
  readonly profile?: boolean;
  /** Variants of kernels to use on WebGPU (`DeviceInfo.tuning`), from the run that goes on; others are measured. */
  readonly tuning?: Tuning | undefined;
  /** Hears how far measuring them is. */
  readonly onMeasure?: (done: number, total: number) => void;
}

/**
 * Opens the device and loads the programs and base weights.
 *
 * "auto" takes a training step on each real candidate and keeps the faster; a software adapter is no candidate, for it runs on the same processor
 * as the CPU device.
 *
 * @throws NoAdapterError when WebGPU is asked for by name and there is no adapter.
 * @throws HalfRangeError for a weight that does not fit into half precision, HalfPrecisionError where an adapter cannot read it.
 */
export async function openSession(model: TrainableModel, choice: DeviceChoice): Promise<Session> {
  return await openFastest(model, await candidates(choice));
}

/** Loads a model on every device of a list, and keeps the one that takes a training step in the shortest time: see {@linkcode loadOnFastest}. */
export async function openFastest(
  { adapted, sizes, weights }: TrainableModel,
  devices: readonly Device[],
): Promise<Session> {
  const { trainingRing, evaluationRing } = sizes;
  const session = await loadOnFastest(
    devices,
    async (device): Promise<Session> => ({
      executor: await loadAdaptedModel(device, adapted, sizes, weights),
      adapted,
      trainingRing,
      evaluationRing,
    }),
    ({ executor }) => stepSeconds(sizes, executor),
  );
  // A profile begins after loading and measuring.
  await session.executor.profile?.();
  return session;
}

/** The devices of a choice, opened: the preferred one first. A software adapter is none for "auto". */
export async function candidates(
  { device, threads, profile = false, tuning = {}, onMeasure = () => {} }: DeviceChoice,
): Promise<Device[]> {
  const cpu = createCpuDevice({ threads, profile });
  const openWebgpu = () => createWebgpuDevice({ profile, tuning, onMeasure });
  switch (device) {
    case "cpu":
      return [cpu];
    case "webgpu":
      return [await openWebgpu()];
    case "auto": {
      const adapter = await findAdapter();
      return adapter && !isSoftware(adapter) ? [await openWebgpu(), cpu] : [cpu];
    }
    default:
      return device satisfies never;
  }
}

/** Seconds of a training step on the longest bucket, the best of three. The buffers are to be zero, so that nothing is learned from it. */
export async function stepSeconds(
  { batch, buckets }: ProgramSizes,
  executor: Executor,
): Promise<number> {
  const program = `train ${batch}×${Math.max(...buckets)}`;
  let best = Infinity;
  // The first step pays for what drivers compile late.
  for (let step = 0; step < 4; step++) {
    const start = performance.now();
    executor.run(program);
    await executor.read(BUFFERS.trainLosses, 0, 1);
    if (step > 0) best = Math.min(best, performance.now() - start);
  }
  return best / 1000;
}
