/**
 * A training step of a classifier with LoRA by the engine, with AdamW and sensitivities: `deno run -A bench/programs/lora_step.ts
 * --shape small|minilm|distilbert --device cpu|webgpu [--threads 2] [--size ROWS]`
 */

import { readArguments } from "../harness/arguments.ts";
import { deviceFacts, openDevice } from "../harness/devices.ts";
import { encoderTask, openLoraSession } from "../harness/lora_session.ts";
import { repeat } from "../harness/repetitions.ts";
import { shapeOf, TOKENS } from "../harness/shapes.ts";

const options = readArguments(Deno.args);
const shape = shapeOf(options.shape);
const B = options.size ?? shape.batch;
const { session, steps } = await openLoraSession(await openDevice(options), encoderTask(shape, B));
let loss = NaN;

await repeat(
  { ...deviceFacts(session.executor.device), B, T: TOKENS },
  async (times) => {
    loss = await steps(times);
  },
  options,
  () => ({ loss }),
);
await session.executor.close();
