/**
 * One LoRA step of a checkpoint with a language model's loss, and the memory that it took, loading included: `deno run -A
 * bench/real_sizes/training_memory.ts --model FOLDER [--device cpu|webgpu] [--threads 2] [--rows 1] [--tokens 128] [--base-dtype f32|f16|int8]
 * [--recompute]`. Prints a line of JSON. Peak memory needs Linux.
 */

import { parseArgs } from "node:util";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { planMemory, plannedBytes } from "../../src/engine/plan.ts";
import { baseDtypes, buildEvaluation, buildTraining } from "../../src/lora/adapted_model.ts";
import { openModelWeights } from "../../src/lora/model_weights.ts";
import { readModel } from "../../src/models/mod.ts";
import { readConfig } from "../../src/weights/mod.ts";
import { devices, readChoice, readCount, readThreads, THREADS } from "../harness/arguments.ts";
import { openDevice } from "../harness/devices.ts";
import { adaptedModelOf, type LoraTask, openLoraSession } from "../harness/lora_session.ts";
import { readPeakMemory } from "../harness/machine.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    device: { type: "string", default: "cpu" },
    threads: { type: "string", default: String(THREADS) },
    rows: { type: "string", default: "1" },
    tokens: { type: "string", default: "128" },
    "base-dtype": { type: "string", default: "f32" },
    recompute: { type: "boolean", default: false },
  },
});
if (values.model === undefined) {
  throw new RangeError("Cannot measure without --model: expected a folder");
}
const device = readChoice("device", values.device, devices);
const files = folderFiles(values.model);
const model = readModel(await readConfig(files));
const task: LoraTask = {
  model,
  targets: model.defaultTargets,
  weights: await openModelWeights(files, model),
  B: readCount("rows", values.rows),
  T: readCount("tokens", values.tokens),
  baseDtype: readChoice("base-dtype", values["base-dtype"], baseDtypes),
  recompute: values.recompute,
};

const size = { B: task.B, T: task.T, ring: 1 };
const planned = plannedBytes(planMemory(
  [buildTraining, buildEvaluation].map((build) =>
    build(adaptedModelOf(task), size, device).program
  ),
));
const threads = readThreads(values.threads);
const { session, steps } = await openLoraSession(await openDevice({ device, threads }), task);
const loadedMemory = await peakMemory();
const start = performance.now();
const loss = await steps(1);
const seconds = (performance.now() - start) / 1000;
await session.executor.close();

const { B, T, baseDtype, recompute } = task;
console.log(JSON.stringify({
  ...{ device, B, T, baseDtype, recompute },
  ...{ loss, seconds, planned, loadedMemory, peakMemory: await peakMemory() },
}));

/** Bytes of the largest resident set so far. */
async function peakMemory(): Promise<number | undefined> {
  return readPeakMemory(await Deno.readTextFile("/proc/self/status").catch(() => ""));
}
