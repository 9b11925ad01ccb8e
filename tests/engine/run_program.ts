/** Runs one program once, for tests that look at its results alone. */

import type { BufferData, Device } from "../../src/engine/device.ts";
import type { Program } from "../../src/engine/program.ts";

/** Loads the program as it stands, writes the inputs, runs it, and reads the outputs. */
export async function runProgram<Name extends string>(
  device: Device,
  program: Program,
  inputs: Readonly<Record<string, BufferData>>,
  outputs: readonly Name[],
): Promise<Record<Name, BufferData>> {
  const executor = await device.load([program]);
  try {
    for (const [buffer, data] of Object.entries(inputs)) executor.write(buffer, data);
    executor.run(program.name);
    const results = {} as Record<Name, BufferData>;
    for (const output of outputs) results[output] = await executor.read(output);
    return results;
  } finally {
    await executor.close();
  }
}
