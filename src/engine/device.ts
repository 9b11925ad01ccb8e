/**
 * What both devices offer: they load programs together and run them over shared buffers.
 *
 * @module
 */

import type { Program } from "./program.ts";

/** What is written to and read from buffers. */
export type BufferData = Float32Array | Uint32Array;

/** A device as run.json records it. */
export interface DeviceInfo {
  readonly kind: "webgpu" | "cpu";
  /** Adapter or processor description. */
  readonly description: string;
  /** Software adapter (webgpu), or number of threads (cpu). */
  readonly software?: boolean;
  readonly threads?: number;
}

/** Programs loaded on a device, with their buffers zeroed. Calls take effect in the order they are made. */
export interface Executor {
  readonly device: DeviceInfo;
  /** Copies elements into a buffer, from element `offset` on. */
  write(buffer: string, data: BufferData, offset?: number): void;
  /** Sets every element of a buffer to zero. */
  clear(buffer: string): void;
  /** Runs a loaded program once. */
  run(program: string): void;
  /** Reads `length` elements of a buffer, from element `offset` on (default: all of it). */
  read(buffer: string, offset?: number, length?: number): Promise<BufferData>;
  /** Frees everything; the executor is unusable afterwards. */
  close(): Promise<void>;
}

/** The device failed under a running program (driver reset, removed, out of memory). */
export class DeviceLostError extends Error {
  override name = "DeviceLostError";
}

/** A device that can load programs. */
export interface Device {
  readonly info: DeviceInfo;
  load(programs: readonly Program[]): Promise<Executor>;
}
