/**
 * What a LoRA step on WebGPU costs this thread, beside its time on the GPU: `deno run -A bench/programs/encode_time.ts --shape small|minilm|distilbert
 * [--size ROWS]`
 */

import { prepareGraphics } from "../../src/cli/graphics.ts";
import { createWebgpuDevice } from "../../src/engine/webgpu/device.ts";
import { readArguments } from "../harness/arguments.ts";
import { encoderTask, openLoraSession } from "../harness/lora_session.ts";
import { repeat } from "../harness/repetitions.ts";
import { shapeOf, TOKENS } from "../harness/shapes.ts";

/** A profile leaves one step in four out of what it tells of whole steps. */
const STEPS = 4;

const options = readArguments(Deno.args);
const shape = shapeOf(options.shape);
const B = options.size ?? shape.batch;
prepareGraphics();
const device = await createWebgpuDevice({ profile: true });
const { session: { executor }, steps } = await openLoraSession(device, encoderTask(shape, B));

await repeat(
  { engine: executor.device.description, B, T: TOKENS },
  async (times) => {
    await steps(STEPS * times);
  },
  options,
  async () => {
    const profile = await executor.profile!();
    const step = profile.programs.find(({ program }) => program.startsWith("train"))?.step;
    if (step === undefined) {
      throw new Error("Cannot time a step: this adapter has no timestamps");
    }
    return { encodeSeconds: step.encodeSeconds, gpuSeconds: step.gpuSeconds };
  },
);
await executor.close();
