/** What a session promises beside PyTorch's numbers: masks, frozen components, dropout, threads, kept state, rings. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { countSteps } from "../../src/lora/optimizer_settings.ts";
import {
  type InstalledAdapter,
  installOptimizerState,
  readAdapter,
  readOptimizerState,
  readSensitivity,
  type Session,
  train,
} from "../../src/lora/session.ts";
import type { ModuleComponents } from "../../src/protocol/bank.ts";
import { gatherComponents, scatterComponents } from "../../src/protocol/components.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { assertClose } from "../reference/compare.ts";
import {
  classifierOf,
  everywhere,
  GOLDEN_OPTIMIZER,
  goldenAdapter,
  goldenBatches,
  install,
  logitsOf,
  readTinyModel,
  STANDSTILL,
  stepsOver,
  T,
  withSession,
} from "./support.ts";

const bert = await readTinyModel("bert");
const llama = await readTinyModel("llama");
const batches = goldenBatches(bert);

/** The components of every module that a test masks or freezes, and the others; r = 4. */
const OFF = Uint32Array.of(1, 2);
const ON = Uint32Array.of(0, 3);
const SOME = everywhere(bert, 0).map((mask) => mask.map((_, i) => ON.includes(i) ? 1 : 0));
const ALL = everywhere(bert, 1);

/** Steps of each slot after so many that trained everything. */
const stepsOfAll = (steps: number): Uint32Array =>
  countSteps(classifierOf(bert).layout, { train: ALL }, steps);

for (const tiny of [bert, llama]) {
  const [batch] = goldenBatches(tiny);

  onEveryDevice(
    `installAdapter() of ${tiny.family} leaves masked components out of the forward and backward pass`,
    async (device) => {
      await withSession(device, tiny, async (session) => {
        const adapter = goldenAdapter(tiny, "stored");
        const absent = adapter.modules.map((module) =>
          scatterComponents(module, tiny.rank, ON, gatherComponents(module, tiny.rank, ON))
        );
        install(session, { ...adapter, modules: absent });
        const expected = await logitsOf(session, batch);
        install(session, { ...adapter, forward: SOME });
        assert.deepEqual(await logitsOf(session, batch), expected);

        const loud = adapter.modules.map((module) => ({
          ...module,
          a: module.a.map((value, n) =>
            OFF.includes(Math.floor(n / module.inFeatures)) ? Infinity : value
          ),
        }));
        install(session, { ...adapter, modules: loud, forward: SOME });
        assert.deepEqual(await logitsOf(session, batch), expected, "a mask selects");

        install(session, { ...adapter, forward: SOME });
        await train(session, STANDSTILL, { train: ALL }, stepsOver([batch], 1));
        for (const gradient of await readGradients(session)) {
          const off = gatherComponents(gradient, tiny.rank, OFF);
          assert.ok(off.a.every((value) => value === 0) && off.b.every((value) => value === 0));
          const on = gatherComponents(gradient, tiny.rank, ON);
          assert.ok(on.a.some((value) => value !== 0) && on.b.some((value) => value !== 0));
        }
      });
    },
  );
}

onEveryDevice(
  "train() measures a frozen component and moves it by not one bit",
  async (device) => {
    await withSession(device, bert, async (session) => {
      const adapter = goldenAdapter(bert, "stored");
      install(session, adapter);
      await train(session, GOLDEN_OPTIMIZER, { train: SOME }, stepsOver(batches, 10));
      const { modules } = await readAdapter(session);
      const sensitivities = await readSensitivity(session);
      const { moments } = await readOptimizerState(session, stepsOfAll(10));
      adapter.modules.forEach((before, m) => {
        const frozen = gatherComponents(modules[m], bert.rank, OFF);
        assert.deepEqual(bits(frozen), bits(gatherComponents(before, bert.rank, OFF)));
        const trained = gatherComponents(modules[m], bert.rank, ON);
        const start = gatherComponents(before, bert.rank, ON);
        assert.ok(trained.a.every((value, n) => value !== start.a[n]));
        assert.ok(trained.b.every((value, n) => value !== start.b[n]));

        const measured = (pair: { smoothed: ArrayLike<number> }) =>
          Float32Array.from(pair.smoothed);
        const { a, b } = sensitivities[m];
        const smoothed = { ...before, a: measured(a), b: measured(b) };
        const scores = gatherComponents(smoothed, bert.rank, OFF);
        assert.ok(scores.a.some((value) => value > 0) && scores.b.some((value) => value > 0));

        const offset = session.adapted.layout.a[m].offset + OFF[0] * before.inFeatures;
        const kept = moments.subarray(2 * offset, 2 * (offset + OFF.length * before.inFeatures));
        assert.ok(kept.every((value) => value === 0), "moments of a frozen component stay zero");
      });
    });
  },
);

onEveryDevice("train() clips by the norm of what is trained alone", async (device) => {
  await withSession(device, bert, async (session) => {
    const adapter = goldenAdapter(bert, "stored");
    const settings = { ...GOLDEN_OPTIMIZER, clipNorm: 0.01 };
    // With every component frozen only the head counts; its first moment after a step is (1 − β1) of its clipped gradient.
    install(session, adapter);
    await train(session, settings, { train: everywhere(bert, 0) }, stepsOver(batches, 1));
    const { moments } = await readOptimizerState(session, stepsOfAll(1));
    const squares = moments.filter((_, n) => n % 2 === 0).reduce(
      (sum, m) => sum + (m / 0.1) ** 2,
      0,
    );
    assert.ok(Math.abs(Math.sqrt(squares) / 0.01 - 1) < 1e-3, `norm ${Math.sqrt(squares)}`);
  });
});

for (const tiny of [bert, llama]) {
  onEveryDevice(`train() of ${tiny.family} fits one batch`, async (device) => {
    await withSession(device, tiny, async (session) => {
      install(session, goldenAdapter(tiny, "zero"));
      const steps = stepsOver(goldenBatches(tiny).slice(0, 1), 60);
      const losses = await train(session, GOLDEN_OPTIMIZER, { train: everywhere(tiny, 1) }, steps);
      assert.ok(losses[0] > 0.5 && losses[59] < 0.01, `from ${losses[0]} to ${losses[59]}`);
    });
  });
}

Deno.test("train() and evaluate() give the same bytes on 1 and 2 threads", async () => {
  const results = [];
  for (const threads of [1, 2]) {
    results.push(
      await withSession(createCpuDevice({ threads }), llama, async (session) => {
        install(session, goldenAdapter(llama, "zero"));
        const all = goldenBatches(llama);
        const losses = await train(
          session,
          GOLDEN_OPTIMIZER,
          { train: ALL },
          stepsOver(all, 10, (i) => i),
        );
        const logits = await logitsOf(session, all[0]);
        const { moments, sensitivity } = await readOptimizerState(session, stepsOfAll(10));
        return { losses, logits, moments, sensitivity, ...await readAdapter(session) };
      }, { dropout: 0.1, loraDropout: 0.1 }),
    );
  }
  assert.deepEqual(results[1], results[0]);
});

for (const rates of [{ dropout: 0.3, loraDropout: 0 }, { dropout: 0, loraDropout: 0.3 }]) {
  const kind = rates.dropout > 0 ? "dropout" : "loraDropout";
  onEveryDevice(
    `train() draws ${kind} from the step's seed; evaluate() knows none`,
    async (device) => {
      const plain = await withSession(device, bert, async (session) => {
        install(session, goldenAdapter(bert, "stored"));
        return { logits: await logitsOf(session, batches[0]), loss: await lossOf(session, 7) };
      });
      await withSession(device, bert, async (session) => {
        install(session, goldenAdapter(bert, "stored"));
        const loss = await lossOf(session, 7);
        assert.notEqual(loss, plain.loss);
        assert.notEqual(await lossOf(session, 8), loss);
        assert.equal(await lossOf(session, 7), loss);
        assert.deepEqual(await logitsOf(session, batches[0]), plain.logits);
      }, rates);
    },
  );
}

onEveryDevice(
  "readOptimizerState() holds all that a later round continues from",
  async (device) => {
    await withSession(device, bert, async (session) => {
      const steps = stepsOver(batches, 5);
      install(session, goldenAdapter(bert, "zero"));
      await train(session, GOLDEN_OPTIMIZER, { train: ALL }, steps);
      const unbroken = await readAdapter(session);
      const state = await readOptimizerState(session, stepsOfAll(5));

      install(session, goldenAdapter(bert, "zero"));
      await train(session, GOLDEN_OPTIMIZER, { train: ALL }, steps.slice(0, 2));
      const held = { ...goldenAdapter(bert, "zero"), ...await readAdapter(session) };
      const kept = await readOptimizerState(session, stepsOfAll(2));
      await train(session, GOLDEN_OPTIMIZER, { train: ALL }, stepsOver(batches, 3)); // Another client in between.
      install(session, held);
      installOptimizerState(session, kept);
      await train(session, GOLDEN_OPTIMIZER, { train: ALL }, steps.slice(2), kept.steps);
      assert.deepEqual(await readAdapter(session), unbroken);
      assert.deepEqual(await readOptimizerState(session, stepsOfAll(5)), state);
    });
  },
);

onEveryDevice(
  "train() moves a component first trained later by the step it would have begun with",
  async (device) => {
    await withSession(device, bert, async (session) => {
      const adapter = goldenAdapter(bert, "stored");
      // Clipping would scale the gradients by the norm of what is trained beside.
      const settings = { ...GOLDEN_OPTIMIZER, clipNorm: 0 };
      const standstill = { ...STANDSTILL, clipNorm: 0 };
      const step = stepsOver(batches, 1);
      install(session, adapter);
      await train(session, settings, { train: ALL }, step);
      const fromTheStart = await readAdapter(session);

      // Three steps of learning rate 0 on the same batch: moments and counts move, weights and gradients do not.
      install(session, adapter);
      await train(session, standstill, { train: SOME }, stepsOver(batches.slice(0, 1), 3));
      const steps = countSteps(session.adapted.layout, { train: SOME }, 3);
      await train(session, settings, { train: ALL }, step, steps);
      const later = await readAdapter(session);
      later.modules.forEach((module, m) => {
        const expected = fromTheStart.modules[m];
        const late = gatherComponents(module, bert.rank, OFF);
        assert.deepEqual(bits(late), bits(gatherComponents(expected, bert.rank, OFF)));
        assert.notDeepEqual(late.a, gatherComponents(adapter.modules[m], bert.rank, OFF).a);
        // Moments of equal gradients, each corrected by its own count, come to the same step but for rounding.
        assertClose(module.a, expected.a, 1e-5, `${module.name} A`);
        assertClose(module.b, expected.b, 1e-5, `${module.name} B`);
      });
    });
  },
);

onEveryDevice("train() takes plain steps of SGD", async (device) => {
  const sgd = { ...GOLDEN_OPTIMIZER, weightDecay: 0, clipNorm: 0 };
  await withSession(device, bert, async (session) => {
    const adapter = goldenAdapter(bert, "stored");
    install(session, adapter);
    await train(session, sgd, { train: ALL }, stepsOver(batches, 1));
    const gradients = await readGradients(session);
    const { modules, head } = await readAdapter(session);
    modules.forEach(({ a }, m) => {
      const step = adapter.modules[m].a.map((value, n) => value - 1e-2 * gradients[m].a[n]);
      a.forEach((value, n) => assert.ok(Math.abs(value - step[n]) < 1e-7));
    });
    assert.notDeepEqual(head, adapter.head);
    const state = await readOptimizerState(session, stepsOfAll(1));
    assert.equal(state.moments.length, 0);
    installOptimizerState(session, state);
  }, { optimizer: "sgd" });
});

onEveryDevice(
  "train() sees no difference between a short batch and its padding",
  async (device) => {
    await withSession(device, bert, async (session) => {
      const [full] = batches;
      const weights = Float32Array.of(0.5, 0.5, 0, 0);
      const other = { ...full, ids: full.ids.map((id, n) => n < 2 * T ? id : 5) };
      const losses = [];
      const adapters = [];
      for (const batch of [{ ...full, weights, rows: 2 }, { ...other, weights, rows: 2 }]) {
        install(session, goldenAdapter(bert, "stored"));
        losses.push(await train(session, GOLDEN_OPTIMIZER, { train: ALL }, stepsOver([batch], 2)));
        adapters.push(await readAdapter(session));
      }
      assert.deepEqual(losses[1], losses[0]);
      assert.deepEqual(adapters[1], adapters[0]);
    });
  },
);

onEveryDevice("train() trains a head alone where no module is adapted", async (device) => {
  const { layout } = classifierOf(bert);
  const headOnly = { layout: packLayout([], layout.rank, layout.head), loraDropout: 0.1 };
  await withSession(device, bert, async (session) => {
    const { head } = goldenAdapter(bert, "zero");
    install(session, { modules: [], head, forward: [] });
    const losses = await train(
      session,
      GOLDEN_OPTIMIZER,
      { train: [] },
      stepsOver(batches.slice(0, 1), 10),
    );
    assert.ok(losses[9] < losses[0], `from ${losses[0]} to ${losses[9]}`);
  }, headOnly);
});

/** The loss of the first batch under a dropout seed, without moving the adapter. */
async function lossOf(session: Session, seed: number): Promise<number> {
  const [loss] = await train(
    session,
    STANDSTILL,
    { train: ALL },
    stepsOver(batches, 1, () => seed),
  );
  return loss;
}

/** The last step's gradient of every module, laid out as the module. */
async function readGradients(session: Session): Promise<ModuleComponents[]> {
  const { executor, adapted: { layout } } = session;
  const packed = await executor.read(BUFFERS.gradient) as Float32Array;
  return layout.modules.map((module, m) => ({
    ...module,
    a: packed.slice(layout.a[m].offset, layout.a[m].offset + layout.rank * module.inFeatures),
    b: packed.slice(layout.b[m].offset, layout.b[m].offset + layout.rank * module.outFeatures),
  }));
}

/** Numbers as their bits: −0 differs from 0, and one NaN from another. */
function bits({ a, b }: Pick<InstalledAdapter["modules"][0], "a" | "b">): Uint32Array[] {
  return [new Uint32Array(a.buffer), new Uint32Array(b.buffer)];
}
