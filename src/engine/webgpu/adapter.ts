/** Finding a WebGPU adapter and opening a device on it, at the adapter's own limits. @module */

import { DeviceLostError } from "../device.ts";

/** No WebGPU adapter answered. */
export class NoAdapterError extends Error {
  /** The class's name, for logs. */
  override name = "NoAdapterError";
}

/** Limits worth raising from WebGPU's defaults: sizes only, because kernels are written for the default counts. */
const RAISED_LIMITS = ["maxBufferSize", "maxStorageBufferBindingSize"] as const;

/** The adapter of the high-performance GPU, or undefined. A software adapter counts. */
export async function findAdapter(): Promise<GPUAdapter | undefined> {
  const gpu = (navigator as Partial<Navigator>).gpu;
  return await gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? undefined;
}

/** Whether an adapter is a program on the CPU; such a one is always slower than the CPU device. */
export function isSoftware(adapter: GPUAdapter): boolean {
  const info = adapter.info as GPUAdapterInfo & { readonly isFallbackAdapter?: boolean };
  return info.isFallbackAdapter === true ||
    /llvmpipe|swiftshader|softpipe/i.test(`${info.description} ${info.device}`);
}

/** One line that names an adapter. */
export function describeAdapter(adapter: GPUAdapter): string {
  const { description, vendor, device } = adapter.info;
  return description || [vendor, device].filter(Boolean).join(" ") || "unnamed adapter";
}

/**
 * The adapter, or an error that says what to install.
 *
 * @throws NoAdapterError when there is none.
 */
export async function requireAdapter(): Promise<GPUAdapter> {
  const adapter = await findAdapter();
  if (adapter !== undefined) return adapter;
  throw new NoAdapterError(
    "Cannot open a WebGPU device: no adapter found. Install a Vulkan driver (on Debian or Ubuntu: " +
      "apt-get install mesa-vulkan-drivers), or use --device cpu",
  );
}

/**
 * Opens a device at the adapter's own size limits, with those of the wanted features that it has.
 *
 * @throws DeviceLostError when the driver refuses.
 */
export async function openDevice(
  wanted: readonly GPUFeatureName[] = [],
): Promise<{ adapter: GPUAdapter; device: GPUDevice }> {
  const adapter = await requireAdapter();
  const requiredFeatures = wanted.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(
    RAISED_LIMITS.map((limit) => [limit, adapter.limits[limit]]),
  );
  try {
    return { adapter, device: await adapter.requestDevice({ requiredLimits, requiredFeatures }) };
  } catch (error) {
    // "Parent device is lost" says nothing of why.
    throw new DeviceLostError(
      `Cannot open a device on ${describeAdapter(adapter)}: ${(error as Error).message} ` +
        "(its driver may have failed, or too many devices may be open)",
      { cause: error },
    );
  }
}
