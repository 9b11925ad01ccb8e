/** What a machine is found to be. @module */

import type { DeviceInfo } from "../../engine/device.ts";
import type { AdapterFacts } from "./adapters.ts";
import type { plannedSettings, TrainingSize } from "./sizes.ts";
import type { DeviceSpeed } from "./speed.ts";

/** Something that was looked for. */
export interface Check {
  /** What it is. */
  readonly name: string;
  readonly there: boolean;
  /** Whether nothing can be trained without it. */
  readonly needed: boolean;
  /** What it means that it is there or not, and what to do. */
  readonly text: string;
}

/** A device that programs run on. */
export interface DeviceReport extends Pick<DeviceInfo, "kind" | "description" | "threads"> {
  /** Absent where it failed. */
  readonly speed?: DeviceSpeed;
  /** Why it does not work. */
  readonly failure?: string;
  /** What the models of known shapes take on it. */
  readonly sizes: readonly TrainingSize[];
}

/** What `deno task doctor` tells. */
export interface DoctorReport {
  readonly deno: string;
  /** Operating system and processor, as Deno names them: "linux x86_64". */
  readonly system: string;
  /** Bytes. */
  readonly memory: { readonly available: number; readonly total: number };
  /** Programs that ran or waited to run in the last minute, on average (0 on Windows, which does not tell), and logical processors. */
  readonly load: { readonly programs: number; readonly processors: number };
  readonly adapters: readonly AdapterFacts[];
  readonly devices: readonly DeviceReport[];
  /** What the sizes are planned for. */
  readonly settings: ReturnType<typeof plannedSettings>;
  readonly checks: readonly Check[];
  /** Whether all that is needed is there. */
  readonly canTrain: boolean;
}
