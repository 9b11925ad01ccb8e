/** The device of a generation. @module */

import type { Device } from "../../engine/device.ts";
import { loadOnFastest } from "../../engine/fastest.ts";
import { candidates, type DeviceChoice } from "../../federated/open_session.ts";
import {
  generate,
  type GeneratorSources,
  openGenerator,
  type TextGenerator,
} from "../../generate/mod.ts";
import { deviceMistake } from "../device_mistake.ts";

/** Tokens that a device is timed by, after one that pays for what drivers compile late. */
const TIMED_TOKENS = 3;

/**
 * Puts a model on the device of a choice; "auto" takes the one that generates a few tokens in the shortest time.
 *
 * @throws UserError when there is no such device, or the model does not fit on it.
 */
export async function openOnDevice(
  choice: DeviceChoice,
  sources: GeneratorSources,
): Promise<TextGenerator> {
  try {
    return await openFastest(sources, await candidates(choice));
  } catch (error) {
    throw deviceMistake(error, "try --base-dtype f16 or int8, or fewer --max-tokens");
  }
}

/** Opens a model on every device, and keeps the one of the shortest time: see {@linkcode loadOnFastest}. */
export function openFastest(
  sources: GeneratorSources,
  devices: readonly Device[],
  timeOf: (generator: TextGenerator) => Promise<number> = secondsOf,
): Promise<TextGenerator> {
  return loadOnFastest(devices, (device) => openGenerator(device, sources), timeOf);
}

/** Seconds of a few tokens. */
export async function secondsOf(generator: TextGenerator): Promise<number> {
  const maxTokens = Math.min(1 + TIMED_TOKENS, generator.tokens - 1);
  let start = performance.now();
  let first = true;
  for await (const _ of generate(generator, [0], { maxTokens, temperature: 0 })) {
    if (first) start = performance.now();
    first = false;
  }
  return (performance.now() - start) / 1000;
}
