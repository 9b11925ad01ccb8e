import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device } from "../../src/engine/device.ts";
import { IGNORED_LABEL } from "../../src/engine/ops/ignored_label.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/pretrain/checkpoint.ts";
import type { PretrainSettings } from "../../src/pretrain/settings.ts";
import { openTrainer, type PretrainState, type Trainer } from "../../src/pretrain/trainer.ts";
import { initialWeights, unpackWeights } from "../../src/pretrain/weights.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { batchOf, settings, sizesOf, type Task, tasks, V } from "./support.ts";

/** Runs `body` with a trainer that has the weights of a fresh model. */
async function withTrainer<T>(
  device: Device,
  task: Task,
  body: (trainer: Trainer) => Promise<T>,
  changes: Partial<PretrainSettings> = {},
): Promise<T> {
  const trainer = await openTrainer(device, task.model, sizesOf(task), {
    ...settings,
    ...changes,
  });
  try {
    trainer.install(freshState(trainer));
    return await body(trainer);
  } finally {
    await trainer.close();
  }
}

function freshState({ layout }: Trainer): PretrainState {
  return {
    steps: 0,
    parameters: initialWeights(layout, 0.02, 1),
    moments: new Float32Array(2 * layout.length),
  };
}

/** The checkpoint after the steps from `from` to `to`. */
async function checkpointAfter(
  trainer: Trainer,
  task: Task,
  from: number,
  to: number,
): Promise<Uint8Array> {
  for (let step = from; step < to; step++) {
    trainer.step(step, batchOf(task, step));
    if (step % 2 === 1) await trainer.losses();
  }
  await trainer.losses();
  return encodeCheckpoint(trainer.layout, await trainer.state(to));
}

for (const task of tasks) {
  onEveryDevice(`an untrained ${task.name} predicts nothing: its loss is ln V`, async (device) => {
    await withTrainer(device, task, async (trainer) => {
      const { loss, predictions } = await trainer.evaluate([batchOf(task, 0), batchOf(task, 1)]);
      assert.equal(predictions, 2 * sizesOf(task).P);
      assert.ok(Math.abs(loss / predictions - Math.log(V)) < 0.05, `${loss / predictions}`);
    });
  });

  onEveryDevice(`a ${task.name} overfits one batch`, async (device) => {
    await withTrainer(device, task, async (trainer) => {
      const batch = batchOf(task, 0);
      const losses: number[] = [];
      for (let step = 0; step < 120; step++) {
        trainer.step(step, batch);
        if (step % 4 === 3) losses.push(...await trainer.losses());
      }
      assert.equal(losses.length, 120);
      assert.ok(losses[119] < 0.05 * losses[0], `from ${losses[0]} to ${losses[119]}`);
    });
  });

  onEveryDevice(
    `evaluate() of a ${task.name} changes nothing and agrees with the step's loss`,
    async (device) => {
      await withTrainer(device, task, async (trainer) => {
        const before = await trainer.state(0);
        const batch = batchOf(task, 3);
        const { loss, predictions } = await trainer.evaluate([batch]);
        assert.deepEqual(await trainer.state(0), before);
        trainer.step(0, batch);
        const [own] = await trainer.losses();
        assert.ok(Math.abs(own - loss / predictions) < 1e-5, `${own}, ${loss / predictions}`);
      });
    },
  );

  onEveryDevice(
    `a resumed ${task.name} equals an uninterrupted one, byte for byte`,
    async (device) => {
      const whole = await withTrainer(
        device,
        task,
        (trainer) => checkpointAfter(trainer, task, 0, 7),
      );
      const part = await withTrainer(
        device,
        task,
        (trainer) => checkpointAfter(trainer, task, 0, 3),
      );
      const resumed = await withTrainer(device, task, (trainer) => {
        const state = decodeCheckpoint(trainer.layout, part);
        trainer.install(state);
        return checkpointAfter(trainer, task, state.steps, 7);
      });
      assert.deepEqual(resumed, whole);
      assert.notDeepEqual(part, whole);
    },
  );

  Deno.test(`steps of a ${task.name} do not depend on the number of threads`, async () => {
    const [one, three] = await Promise.all([1, 3].map((threads) =>
      withTrainer(
        createCpuDevice({ threads }),
        task,
        (trainer) => checkpointAfter(trainer, task, 0, 5),
      )
    ));
    assert.deepEqual(three, one);
  });
}

onEveryDevice("weight decay shrinks matrices alone", async (device) => {
  const [task] = tasks;
  const changes = { learningRate: 0.1, weightDecay: 0.5 };
  await withTrainer(device, task, async (trainer) => {
    const before = unpackWeights(trainer.layout, (await trainer.state(0)).parameters);
    const batch = batchOf(task, 0);
    // Without a label there is no gradient: what changes is the decay's doing.
    trainer.step(0, { ...batch, labels: new Uint32Array(batch.labels.length).fill(IGNORED_LABEL) });
    assert.deepEqual(await trainer.losses(), [0]);
    const after = unpackWeights(trainer.layout, (await trainer.state(1)).parameters);
    after.forEach(({ name, shape, data }, i) => {
      const factor = shape.length > 1 ? 1 - 0.1 * 0.5 : 1;
      data.forEach((value, j) => {
        const expected = factor * before[i].data[j];
        assert.ok(Math.abs(value - expected) <= 1e-7, `${name}[${j}]: ${value}, ${expected}`);
      });
    });
  }, changes);
});

onEveryDevice("steps count for Adam's bias corrections", async (device) => {
  const [task] = tasks;
  const [rate, count] = [1e-5, 4];
  await withTrainer(device, task, async (trainer) => {
    const before = (await trainer.state(0)).parameters;
    // So slow that the gradient stays the same: then each corrected step is the rate itself, up to its sign and epsilon.
    for (let step = 0; step < count; step++) trainer.step(step, batchOf(task, 0));
    const after = (await trainer.state(count)).parameters;
    const moved = after.map((value, i) => Math.abs(value - before[i]));
    const steps = Math.max(...moved) / rate;
    assert.ok(Math.abs(steps - count) < 0.05, `${steps}`);
  }, { learningRate: rate, weightDecay: 0 });
});

Deno.test("step() and evaluate() refuse to overwrite losses that are unread", async () => {
  const [task] = tasks;
  await withTrainer(createCpuDevice({ threads: 1 }), task, async (trainer) => {
    for (let step = 0; step < 4; step++) trainer.step(step, batchOf(task, step));
    assert.throws(() => trainer.step(4, batchOf(task, 4)), /losses of 4 others are unread/);
    await assert.rejects(trainer.evaluate([batchOf(task, 0)]), /unread/);
    assert.equal((await trainer.losses()).length, 4);
    assert.deepEqual(await trainer.losses(), []);
  });
});
