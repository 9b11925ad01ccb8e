import assert from "node:assert/strict";
import type { BufferData, Device } from "../../src/engine/device.ts";
import { assertClose } from "../reference/compare.ts";
import { onEveryDevice, testDevices } from "./devices.ts";
import {
  decoderTraining,
  encoderTraining,
  RING_STEPS,
  type TrainingProgram,
} from "./training_programs.ts";

const STEPS = 3;
const KEPT = ["parameters", "sensitivity", "losses", "last losses", "loss sums"];

interface Trajectory {
  /** After each step. */
  readonly gradients: readonly BufferData[];
  /** After the last step. */
  readonly final: Readonly<Record<string, BufferData>>;
}

async function train(
  device: Device,
  { program, initial, step }: TrainingProgram,
): Promise<Trajectory> {
  const executor = await device.load([program]);
  try {
    for (const [buffer, data] of Object.entries(initial)) executor.write(buffer, data);
    const gradients: BufferData[] = [];
    for (let index = 0; index < STEPS; index++) {
      for (const [buffer, data] of Object.entries(step(index))) executor.write(buffer, data);
      executor.run(program.name);
      gradients.push(await executor.read("gradient"));
    }
    const final: Record<string, BufferData> = {};
    for (const buffer of KEPT) final[buffer] = await executor.read(buffer);
    return { gradients, final };
  } finally {
    await executor.close();
  }
}

for (const training of [encoderTraining(), decoderTraining()]) {
  const { name } = training.program;

  onEveryDevice(
    `three steps of a small ${name} give the same bytes when run twice`,
    async (device) => {
      const first = await train(device, training);
      assert.deepEqual(await train(device, training), first);
      // The steps did something: parameters moved, and each step recorded its losses and no other row.
      assert.notDeepEqual(first.final.parameters, training.initial.parameters);
      const { losses } = first.final;
      const rows = losses.length / RING_STEPS;
      assert.ok(losses.subarray(0, STEPS * rows).some((loss) => loss > 0));
      assert.deepEqual(
        losses.subarray((STEPS - 1) * rows, STEPS * rows),
        first.final["last losses"],
      );
      assert.ok(losses.subarray(STEPS * rows).every((loss) => loss === 0));
    },
  );

  Deno.test({
    name: `three steps of a small ${name} agree across devices`,
    ignore: testDevices.some(({ ignore }) => ignore),
    async fn() {
      const [expected, actual] = await Promise.all(
        testDevices.map(async (device) => await train(await device.open(), training)),
      );
      expected.gradients.forEach((gradient, index) =>
        assertClose(actual.gradients[index], gradient, 1e-4, `gradient of step ${index}`)
      );
      for (const buffer of KEPT) {
        assertClose(actual.final[buffer], expected.final[buffer], 1e-4, buffer);
      }
    },
  });
}
