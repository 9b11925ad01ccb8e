/**
 * What both devices offer: they load programs together and run them over shared buffers.
 *
 * @module
 */

import type { ExecutorProfile } from "./profile/profile.ts";
import type { Program } from "./program.ts";

/** What is written to and read from buffers. */
export type BufferData = Float32Array | Uint32Array;

/** Measured or chosen variants of kernels, by kind of node: what a later run needs to compute the same bytes. */
export type Tuning = Readonly<Record<string, string>>;

/** A device as run.json records it. */
export interface DeviceInfo {
  /** WGSL kernels on a WebGPU adapter, or WebAssembly and TypeScript on the processor. */
  readonly kind: "webgpu" | "cpu";
  /** Adapter or processor description. */
  readonly description: string;
  /** Whether the WebGPU adapter is a program on the processor; absent on the CPU device. */
  readonly software?: boolean;
  /** Threads of the CPU device, the calling one included; absent on WebGPU. */
  readonly threads?: number;
  /** Variants of the kernels that the loaded programs use, by name; absent before programs are loaded. */
  readonly kernels?: readonly string[];
  /** Variants by kind of node, on WebGPU; absent before programs are loaded. */
  readonly tuning?: Tuning;
}

/**
 * Programs loaded on a device, with their buffers zeroed. Calls take effect in the order they are made.
 *
 * Every method but `close` throws RangeError for a buffer or program that is not loaded or a range outside it, and DeviceLostError once the
 * device has failed.
 */
export interface Executor {
  /** The device that runs the programs. */
  readonly device: DeviceInfo;
  /**
   * Copies elements into a buffer, from element `offset` on (default: 0); TypeError when they are not of the buffer's type.
   *
   * Floats go into an f16 buffer rounded to the nearest half, ties to even: HalfRangeError for one beyond ±65504, RangeError for a range that is not even but
   * for the buffer's end. Into an int8 buffer they go rounded to the nearest of 255 multiples of their row's scale, by whole rows: RangeError for other ranges,
   * and for numbers that are not finite.
   */
  write(buffer: string, data: BufferData, offset?: number): void;
  /** Sets every element of a buffer to zero. */
  clear(buffer: string): void;
  /** Runs a loaded program once. */
  run(program: string): void;
  /** Reads `length` elements of a buffer, from element `offset` on (default: all of it); compact ones as floats. */
  read(buffer: string, offset?: number, length?: number): Promise<BufferData>;
  /** The times of what ran since this was last called; there only where the device was created to keep them. */
  profile?(): Promise<ExecutorProfile>;
  /** Frees everything; the executor is unusable afterwards. */
  close(): Promise<void>;
}

/** A program's buffers do not fit into the device's memory or limits. */
export class DeviceMemoryError extends RangeError {
  /** The class's name, for logs. */
  override name = "DeviceMemoryError";
}

/** The device failed under a running program (driver reset, removed, out of memory), or its driver opens none. */
export class DeviceLostError extends Error {
  /** The class's name, for logs. */
  override name = "DeviceLostError";
}

/** A device that can load programs. */
export interface Device {
  /** What it is. */
  readonly info: DeviceInfo;
  /**
   * Places all buffers and compiles all programs, which share buffers of one name; RangeError when two programs have one name or memory does not suffice,
   * DeviceLostError when the driver opens no device.
   */
  load(programs: readonly Program[]): Promise<Executor>;
}
