/** Arguments that the measuring programs share. @module */

import { parseArgs } from "node:util";
import type { RepetitionOptions } from "./repetitions.ts";

/** Threads of the CPU measurements, ours and the peers'. */
export const THREADS = 2;

/** Devices that programs measure. */
export const devices = ["cpu", "webgpu"] as const;

/** What a measuring program was asked for. */
export interface ProgramArguments extends RepetitionOptions {
  readonly shape: string;
  readonly device: typeof devices[number];
  readonly threads: number;
  /** Rows B of a step, or the side of a matrix; the program's own where absent. */
  readonly size: number | undefined;
}

/**
 * Reads `--shape`, `--device`, `--threads`, `--size`, `--repetitions` and `--wait`.
 *
 * @throws RangeError for a device or a number that cannot be.
 */
export function readArguments(given: readonly string[]): ProgramArguments {
  const { values } = parseArgs({
    args: [...given],
    options: {
      shape: { type: "string", default: "minilm" },
      device: { type: "string", default: "cpu" },
      threads: { type: "string", default: String(THREADS) },
      size: { type: "string" },
      repetitions: { type: "string", default: "5" },
      wait: { type: "boolean", default: false },
    },
  });
  const { shape, wait } = values;
  return {
    shape,
    device: readChoice("device", values.device, devices),
    wait,
    threads: readThreads(values.threads),
    size: values.size === undefined ? undefined : readCount("size", values.size),
    repetitions: readCount("repetitions", values.repetitions),
  };
}

/** One of several values; RangeError for another one. */
export function readChoice<Value extends string>(
  flag: string,
  text: string,
  values: readonly Value[],
): Value {
  const value = values.find((known) => known === text);
  if (value !== undefined) return value;
  throw new RangeError(`Cannot use --${flag} ${text}: expected ${values.join(" or ")}`);
}

/** Threads of the CPU: a whole number from 1 to the 256 that `deno task train` takes; RangeError for another one. */
export function readThreads(text: string): number {
  const threads = readCount("threads", text);
  if (threads <= 256) return threads;
  throw new RangeError(`Cannot use --threads ${text}: expected a whole number of at most 256`);
}

/** A whole number of at least 1; RangeError for another one. */
export function readCount(flag: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new RangeError(`Cannot use --${flag} ${text}: expected a whole number of at least 1`);
}
