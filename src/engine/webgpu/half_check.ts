/**
 * A check that an adapter's driver reads halves as the numbers that they are: all finite ones, by every kind of access that kernels make. Drivers have got this
 * wrong without a word.
 *
 * @module
 */

import type { Executor } from "../device.ts";
import { gradients } from "../gradients.ts";
import { lower } from "../lower.ts";
import { embedding } from "../ops/embedding.ts";
import { linear } from "../ops/matmul.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../program.ts";

/** The adapter's driver does not read halves right. */
export class HalfPrecisionError extends Error {
  /** The class's name, for logs. */
  override name = "HalfPrecisionError";
}

/** Finite halves of one sign. */
const MAGNITUDES = 0x7c00;
const COUNT = 2 * MAGNITUDES;
/** An odd number of them, so that the last word is not full. */
const ODD = COUNT - 1;
const RESULTS = ["embedded", "scalars", "rows", "columns"] as const;

/** Whether programs have weights that this is about. */
export function usesHalves(programs: readonly Program[]): boolean {
  return programs.some(({ buffers }) => buffers.values().some(({ dtype }) => dtype === "f16"));
}

/**
 * Runs the check on a device.
 *
 * @throws HalfPrecisionError with the first half that is read as another number.
 */
export async function checkHalfReading(
  load: (programs: readonly Program[]) => Promise<Executor>,
): Promise<void> {
  const program = readingProgram();
  const executor = await load([program]);
  try {
    const halves = finiteHalves();
    executor.write("halves", halves);
    executor.write("odd halves", halves.subarray(0, ODD));
    executor.write("ids", Uint32Array.from({ length: ODD }, (_, i) => i));
    executor.write("one", Float32Array.of(1));
    const identity = Float32Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 1 : 0);
    executor.write("identity", identity);
    executor.run(program.name);
    const [embedded, scalars, rows, columns] = await Promise.all(
      RESULTS.map((name) => executor.read(name)),
    );
    compare(embedded, (i) => halves[i]);
    compare(scalars, (i) => halves[i]);
    compare(rows, (i) => halves[i]);
    // [4, COUNT / 4], transposed
    compare(columns, (i) => halves[i % (COUNT / 4) * 4 + Math.floor(i / (COUNT / 4))]);
  } finally {
    await executor.close();
  }
}

/** Halves by id, as a weight one by one, four side by side along K, and along the columns. */
function readingProgram(): Program {
  const program = createProgram("half check");
  const odd = bufferTensor(program, "weight", "odd halves", [ODD, 1], "f16");
  const ids = bufferTensor(program, "input", "ids", [ODD], "u32");
  keepAs(program, embedding(program, odd, ids), "embedded");
  const one = bufferTensor(program, "input", "one", [1, 1]);
  keepAs(program, linear(program, one, odd), "scalars");
  const identity = bufferTensor(program, "input", "identity", [4, 4]);
  const tall = bufferTensor(program, "weight", "halves", [COUNT / 4, 4], "f16");
  keepAs(program, linear(program, identity, tall), "columns");
  // The gradient of x in x·wᵀ, given the identity, is w itself.
  const x = bufferTensor(program, "input", "unread", [4, COUNT / 4]);
  const wide = bufferTensor(program, "weight", "halves", [4, COUNT / 4], "f16");
  const [gradient] = gradients(program, linear(program, x, wide), [x], identity);
  keepAs(program, gradient, "rows");
  return lower(program);
}

function finiteHalves(): Float32Array {
  const bits = Uint16Array.from(
    { length: COUNT },
    (_, i) => i < MAGNITUDES ? i : 0x8000 | (i - MAGNITUDES),
  );
  return new Float32Array(new Float16Array(bits.buffer));
}

function compare(read: ArrayLike<number>, expected: (i: number) => number): void {
  for (let i = 0; i < read.length; i++) {
    if (read[i] === expected(i)) continue;
    throw new HalfPrecisionError(
      `Cannot use weights in half precision on this WebGPU adapter: its driver reads ${
        expected(i)
      } as ${read[i]}`,
    );
  }
}
