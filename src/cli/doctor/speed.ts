/** What a device reaches: a short measurement. @module */

import type { Device } from "../../engine/device.ts";
import { product } from "../../engine/ops/matmul.ts";
import type { Ceiling } from "../../engine/profile/ceiling.ts";
import { bufferTensor, createProgram, keepAs } from "../../engine/program.ts";

/** Rows and columns of the square matrices: 1 MiB each, as many as a layer of GPT-2 has. */
const SIDE = 512;
/** Seconds of work beside which starting it and reading its result are little. */
const WORTHWHILE = 0.1;
const REPEATS = 2;

/** How fast a device is. */
export interface DeviceSpeed {
  /** FLOP/s of this engine's matrix product in float32; a multiply-add counts as two. */
  readonly matmulFlopsPerSecond: number;
  /** Bytes a bare loop reads and writes a second, in more memory than caches hold; absent of software adapters, whose memory is the processor's. */
  readonly memoryBytesPerSecond?: number;
}

/**
 * A device's speed, by a matrix product and by its measured ceiling. What other programs take meanwhile is missing from it.
 *
 * @param measureCeiling left out where the memory is another device's
 */
export async function measureSpeed(
  device: Device,
  measureCeiling?: () => Promise<Ceiling>,
): Promise<DeviceSpeed> {
  const matmulFlopsPerSecond = await measureMatmul(device);
  if (measureCeiling === undefined) return { matmulFlopsPerSecond };
  const { bandwidths } = await measureCeiling();
  const [{ bytesPerSecond }] = bandwidths.slice(-1);
  return { matmulFlopsPerSecond, memoryBytesPerSecond: bytesPerSecond };
}

/** FLOP/s of products of two square matrices. */
export async function measureMatmul(device: Device): Promise<number> {
  const program = createProgram("matmul");
  const [a, b] = ["a", "b"].map((name) => bufferTensor(program, "input", name, [SIDE, SIDE]));
  keepAs(program, product(program, a, b), "product");
  const executor = await device.load([program]);
  const seconds = async (runs: number): Promise<number> => {
    const start = performance.now();
    for (let run = 0; run < runs; run++) executor.run(program.name);
    await executor.read("product", 0, 1);
    return (performance.now() - start) / 1000;
  };
  try {
    await seconds(1); // pays for what is compiled late
    let runs = 1;
    let best = await seconds(runs);
    while (best < WORTHWHILE) best = await seconds(runs *= 2);
    for (let repeat = 0; repeat < REPEATS; repeat++) best = Math.min(best, await seconds(runs));
    return runs * 2 * SIDE ** 3 / best;
  } finally {
    await executor.close();
  }
}
