/** The WebGPU adapters of a machine, and why there is none. @module */

import { describeAdapter, isSoftware } from "../../engine/webgpu/adapter.ts";
import { decideSetup } from "../setup.ts";

/** Limits that decide what a kernel can bind and compute. */
export const toldLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/** An adapter. */
export interface AdapterFacts {
  readonly description: string;
  /** Whether it is a program on the processor. */
  readonly software: boolean;
  readonly limits: Readonly<Record<typeof toldLimits[number], number>>;
}

/** The adapters that WebGPU offers, the one that training uses first. */
export async function listAdapters(): Promise<AdapterFacts[]> {
  const gpu = (navigator as Partial<Navigator>).gpu;
  const found = new Map<string, AdapterFacts>();
  for (const powerPreference of ["high-performance", "low-power"] as const) {
    const adapter = await gpu?.requestAdapter({ powerPreference });
    if (!adapter) continue;
    const description = describeAdapter(adapter);
    if (found.has(description)) continue;
    const limits = Object.fromEntries(toldLimits.map((name) => [name, adapter.limits[name]]));
    found.set(description, {
      description,
      software: isSoftware(adapter),
      limits: limits as AdapterFacts["limits"],
    });
  }
  return [...found.values()];
}

/** What is there for WebGPU to find an adapter by. */
export interface GraphicsFacts {
  /** Deno's name of the operating system. */
  readonly os: string;
  /** Content of /etc/os-release; empty on other systems than Linux. */
  readonly osRelease: string;
  /** Whether Vulkan's loader is installed; undefined where it may not be looked for. */
  readonly loader: boolean | undefined;
  /** Files by which Vulkan's drivers are installed. */
  readonly drivers: readonly string[];
}

/**
 * Why there is no adapter, and what to install.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { whyNoAdapter } from "./adapters.ts";
 * const text = whyNoAdapter({ os: "linux", osRelease: "ID=fedora", loader: true, drivers: [] });
 * assert.equal(text, "no Vulkan driver is installed; run: sudo dnf install mesa-vulkan-drivers");
 * ```
 */
export function whyNoAdapter({ os, osRelease, loader, drivers }: GraphicsFacts): string {
  const action = decideSetup({ osRelease, root: false });
  const advice = action.kind === "ask" ? action.advice : "";
  if (os !== "linux") return `no driver answered; ${advice}`;
  if (drivers.length === 0) return `no Vulkan driver is installed; ${advice}`;
  if (loader === false) return `Vulkan's loader, libvulkan.so.1, is not installed; ${advice}`;
  return `the Vulkan drivers that are installed (${
    drivers.join(", ")
  }) find no device: see that this user may open /dev/dri, or for a device on the processor ${advice}`;
}
