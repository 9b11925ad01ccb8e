/** From what was found on a machine to what it means for training. @module */

import { TRANSFORMERS_PACKAGE } from "../../protocol/lazy_package.ts";
import { type AdapterFacts, whyNoAdapter } from "./adapters.ts";
import type { Check, DeviceReport } from "./report.ts";
import type { Surroundings } from "./surroundings.ts";

/** What was found. */
export interface Found extends Surroundings {
  readonly devices: readonly DeviceReport[];
  readonly adapters: readonly AdapterFacts[];
}

/** What was looked for, in the order of its weight. */
export function findingsOf(found: Found): Check[] {
  const { devices, adapters, graphics, nativeCode, transformers, hub } = found;
  const working = devices.filter(({ failure }) => failure === undefined);
  const room = working.filter(({ sizes }) => sizes[0].memory.some(({ fits }) => fits));
  const real = adapters.find(({ software }) => !software);
  return [
    {
      name: "Device",
      there: working.length > 0,
      needed: true,
      text: working.length > 0
        ? working.map(({ kind }) => `--device ${kind}`).join(" and ")
        : "no device works",
    },
    {
      name: "Memory",
      there: room.length > 0,
      needed: true,
      text: room.length > 0
        ? `enough to train ${room[0].sizes[0].name}`
        : "less is free than the smallest model takes; end other programs",
    },
    {
      name: "GPU",
      there: real !== undefined,
      needed: false,
      text: real?.description ??
        (adapters.length > 0
          ? "none answers WebGPU, only a software adapter; training runs on the CPU device"
          : `none answers WebGPU, training runs on the CPU device: ${whyNoAdapter(graphics)}`),
    },
    {
      name: "Native code",
      there: nativeCode,
      needed: false,
      text: nativeCode
        ? "allowed"
        : "not allowed, which tokenizers of models other than the built-in base need: --allow-ffi",
    },
    {
      name: "transformers.js",
      there: transformers,
      needed: false,
      text: transformers
        ? "in the cache"
        : `not in the cache; a model's first use fetches it, or: deno cache --no-lock ${TRANSFORMERS_PACKAGE}`,
    },
    ...(hub === undefined ? [] : [{
      name: "Hub",
      there: hub.reached,
      needed: false,
      text: hub.reached ? "can be reached" : `cannot be reached: ${hub.reason}; use --offline`,
    }]),
  ];
}
