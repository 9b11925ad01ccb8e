import assert from "node:assert/strict";
import { openFastest, secondsOf } from "../../../src/cli/generate/open_on_device.ts";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import { type Device, DeviceMemoryError, type Executor } from "../../../src/engine/device.ts";
import { openGenerator } from "../../../src/generate/generator.ts";
import { DECODERS, tinyDecoder } from "../../generate/support.ts";

const sources = { ...tinyDecoder(DECODERS.gpt2), tokens: 20 };
const cpu = createCpuDevice({ threads: 1 });

/** The CPU device under a name, and a list of those that were closed. */
function named(description: string, closed: string[]): Device {
  return {
    info: cpu.info,
    async load(programs) {
      const executor: Executor = await cpu.load(programs);
      return {
        ...executor,
        device: { ...cpu.info, description },
        close() {
          closed.push(description);
          return executor.close();
        },
      };
    },
  };
}

const broken: Device = {
  info: cpu.info,
  load: () => Promise.reject(new DeviceMemoryError("Cannot allocate")),
};

Deno.test("openFastest() keeps the device that generates fastest, and closes the others", async () => {
  const closed: string[] = [];
  const devices = ["3", "1", "2"].map((seconds) => named(seconds, closed));
  const { executor } = await openFastest(
    sources,
    devices,
    ({ executor }) => Promise.resolve(Number(executor.device.description)),
  );
  assert.equal(executor.device.description, "1");
  assert.deepEqual(closed.sort(), ["2", "3"]);
  await executor.close();
});

Deno.test("secondsOf() takes a few tokens of a generator of any length", async () => {
  for (const tokens of [2, 20]) {
    const { executor, ...generator } = await openGenerator(cpu, { ...sources, tokens });
    let runs = 0;
    const counted: Executor = {
      ...executor,
      run(program) {
        runs++;
        executor.run(program);
      },
    };
    await secondsOf({ ...generator, executor: counted });
    assert.equal(runs, Math.min(4, tokens - 1));
    await executor.close();
  }
});

Deno.test("openFastest() passes over a device that cannot take the model, unless none can", async () => {
  const { executor } = await openFastest(sources, [broken, cpu]);
  await executor.close();
  await assert.rejects(openFastest(sources, [broken, broken]), DeviceMemoryError);
});
