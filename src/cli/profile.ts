/** `--profile`: where the time of a run went. @module */

import type { DeviceInfo } from "../engine/device.ts";
import type { Ceiling } from "../engine/profile/ceiling.ts";
import { measureCpuCeiling } from "../engine/profile/cpu_ceiling.ts";
import type { ExecutorProfile, ProfileClock, StepTimes } from "../engine/profile/profile.ts";
import { type KernelRow, kernelRows } from "../engine/profile/rows.ts";
import { measureWebgpuCeiling } from "../engine/profile/webgpu_ceiling.ts";
import { openDevice } from "../engine/webgpu/adapter.ts";
import type { LastingSession } from "./lasting_session.ts";

/** Where the time of a run went; the content of profile.json. All times in seconds. */
export interface RunProfile {
  readonly device: DeviceInfo;
  /** How kernels were timed. */
  readonly clock: ProfileClock;
  /** What the machine reaches at best, measured when the run had ended. */
  readonly ceiling: Ceiling;
  /** The longest first. */
  readonly kernels: readonly KernelRow[];
  /** The programs that ran; `step` is one run on a GPU. */
  readonly programs: readonly {
    readonly program: string;
    readonly runs: number;
    readonly step?: StepTimes;
  }[];
  readonly seconds: RunSeconds;
}

/** Where the time of the run's thread went. On the CPU the parts make up the total; a GPU's kernels run beside them. */
export interface RunSeconds {
  readonly total: number;
  /** Model files, data and tokens. */
  readonly preparing: number;
  /** Opening the device, loading programs and base weights. */
  readonly opening: number;
  /** In kernels. */
  readonly kernels: number;
  /** Of these, in which a thread of the CPU had nothing to do, averaged over the threads. */
  readonly idle: number;
  /** Starting runs: encoding on a GPU, waking threads on the CPU. */
  readonly encoding: number;
  /** Handing runs to a GPU; most of it is waiting where its queue is full. */
  readonly submitting: number;
  /** Writing to the device's buffers. */
  readonly writing: number;
  /** Reading them; on a GPU most of it is waiting for kernels. */
  readonly reading: number;
  /** The rest of the host: batches, messages, aggregation, files. */
  readonly host: number;
}

/** Milliseconds, by performance.now, at which parts of a run began and ended. */
export interface RunTimes {
  readonly started: number;
  readonly prepared: number;
  readonly opened: number;
  readonly ended: number;
}

/** Takes the profile of a run that has just ended, and measures the ceiling of its device. */
export async function profileRun(
  session: LastingSession,
  times: Omit<RunTimes, "ended">,
): Promise<RunProfile> {
  const ended = performance.now();
  const profile = await session.run("the profile", async ({ executor }) => {
    if (executor.profile !== undefined) return await executor.profile();
    throw new Error("Cannot profile the run: its device was not opened for it");
  });
  const ceiling = await measureCeiling(session.device);
  return runProfile(session.device, profile, ceiling, { ...times, ended });
}

async function measureCeiling({ kind, threads = 1 }: DeviceInfo): Promise<Ceiling> {
  if (kind === "cpu") return await measureCpuCeiling(threads);
  const { device } = await openDevice(["timestamp-query"]);
  try {
    return await measureWebgpuCeiling(device);
  } finally {
    device.destroy();
  }
}

/** Puts together what was measured. */
export function runProfile(
  device: DeviceInfo,
  profile: ExecutorProfile,
  ceiling: Ceiling,
  { started, prepared, opened, ended }: RunTimes,
): RunProfile {
  const kernels = kernelRows(profile, ceiling);
  const sum = <T>(items: readonly T[], part: (item: T) => number): number =>
    items.reduce((total, item) => total + part(item), 0);
  const inKernels = sum(kernels, ({ seconds }) => seconds);
  const encoding = sum(profile.programs, ({ encodeSeconds }) => encodeSeconds);
  const submitting = sum(profile.programs, ({ submitSeconds }) => submitSeconds);
  const onThread = encoding + submitting + profile.writeSeconds + profile.readSeconds +
    (device.kind === "cpu" ? inKernels : 0);
  return {
    device,
    clock: profile.clock,
    ceiling,
    kernels,
    programs: profile.programs.map(({ program, runs, step }) => ({
      program,
      runs,
      ...(step && { step }),
    })),
    seconds: {
      total: (ended - started) / 1000,
      preparing: (prepared - started) / 1000,
      opening: (opened - prepared) / 1000,
      kernels: inKernels,
      idle: sum(kernels, ({ idleSeconds }) => idleSeconds),
      encoding,
      submitting,
      writing: profile.writeSeconds,
      reading: profile.readSeconds,
      host: (ended - opened) / 1000 - onThread,
    },
  };
}
