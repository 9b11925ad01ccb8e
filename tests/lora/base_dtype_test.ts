/** The frozen base in half precision: its memory, and what it does to results. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device } from "../../src/engine/device.ts";
import { gradients } from "../../src/engine/gradients.ts";
import { lower } from "../../src/engine/lower.ts";
import { pool } from "../../src/engine/ops/pool.ts";
import { planMemory } from "../../src/engine/plan.ts";
import { bufferTensor, createProgram, keepAs, storedBytes } from "../../src/engine/program.ts";
import {
  type BaseDtype,
  baseDtypes,
  buildEvaluation,
  buildTraining,
} from "../../src/lora/classifier.ts";
import { evaluate } from "../../src/lora/evaluate.ts";
import { type ClassifierBatch, readAdapter, train } from "../../src/lora/session.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { FAMILIES, recordingContext, type Values } from "../models/support.ts";
import {
  B,
  classifierOf,
  everywhere,
  GOLDEN_OPTIMIZER,
  goldenAdapter,
  goldenBatches,
  install,
  LABELS,
  logitsOf,
  readTinyModel,
  stepsOver,
  T,
  type TinyModel,
  withSession,
} from "./support.ts";

/** The model as a checkpoint in half precision has it. */
function inHalves(tiny: TinyModel): TinyModel {
  const weights = [...tiny.weights].map(([name, { shape, data }]): [string, Values] => [
    name,
    { shape, data: new Float32Array(new Float16Array(data)) },
  ]);
  return { ...tiny, weights: new Map(weights) };
}

/** Everything that six steps of training and an evaluation compute. */
function trainedWith(device: Device, tiny: TinyModel, baseDtype: BaseDtype) {
  const batches = goldenBatches(tiny);
  return withSession(device, tiny, async (session) => {
    install(session, goldenAdapter(tiny, "stored"));
    const trained = everywhere(tiny, 1);
    const seedOf = (step: number) => step;
    const losses = await train(
      session,
      GOLDEN_OPTIMIZER,
      { train: trained },
      stepsOver(batches, 6, seedOf),
    );
    return {
      losses,
      adapter: await readAdapter(session),
      evaluation: await evaluate(session, batches),
      logits: await logitsOf(session, batches[0]),
    };
  }, { baseDtype, dropout: 0.1, loraDropout: 0.1 });
}

/** Bytes of the frozen weights that planning gives the programs of a run, matrices and all. */
function plannedBytes(tiny: TinyModel, baseDtype: BaseDtype): { matrices: number; all: number } {
  const classifier = classifierOf(tiny, { baseDtype });
  const programs = [buildTraining, buildEvaluation]
    .map((build) => build(classifier, { B, T, ring: 1 }, "cpu").program);
  const weights = [...planMemory(programs).buffers.values()].filter(({ role }) =>
    role === "weight"
  );
  const bytes = (of: typeof weights) =>
    of.reduce((sum, { dtype, length }) => sum + storedBytes(dtype, length), 0);
  const matrices = weights.filter(({ name }) => (tiny.weights.get(name)?.shape.length ?? 0) >= 2);
  return { matrices: bytes(matrices), all: bytes(weights) };
}

for (const family of FAMILIES) {
  const tiny = await readTinyModel(family);
  const batches = goldenBatches(tiny);

  Deno.test(`baseDtype f16 halves the planned bytes of the matrices of ${family}, and of nothing else`, () => {
    const [full, half] = baseDtypes.map((baseDtype) => plannedBytes(tiny, baseDtype));
    assert.ok(full.matrices > 0.9 * full.all, "a model is mostly matrices");
    assert.equal(half.matrices, full.matrices / 2);
    assert.equal(full.all - half.all, full.matrices / 2);
  });

  onEveryDevice(
    `training on ${family} gives the same bytes by f32 and f16 when its checkpoint is f16`,
    async (device) => {
      const halves = inHalves(tiny);
      const [full, half] = [
        await trainedWith(device, halves, "f32"),
        await trainedWith(device, halves, "f16"),
      ];
      assert.deepEqual(half, full);
      const unrounded = await trainedWith(device, tiny, "f32");
      assert.notDeepEqual(unrounded.logits, full.logits, "rounding shows");
    },
  );

  onEveryDevice(
    `logits of ${family} by f16 differ from those by f32 by what rounding the weights does`,
    async (device) => {
      const logits = (baseDtype: BaseDtype) =>
        withSession(device, tiny, (session) => {
          install(session, goldenAdapter(tiny, "zero"));
          return logitsOf(session, batches[0]);
        }, { baseDtype });
      const [full, half] = [await logits("f32"), await logits("f16")];
      const { expected, bounds } = await roundingEffects(tiny, batches[0]);
      const largest = Math.max(...expected.map(Math.abs));
      full.forEach((logit, i) => {
        const difference = half[i] - logit;
        assert.ok(
          Math.abs(difference) <= bounds[i],
          `logit ${i} differs by ${difference}, bound ${bounds[i]}`,
        );
        assert.ok(
          Math.abs(difference - expected[i]) <= 0.02 * largest,
          `logit ${i} differs by ${difference}, expected ${expected[i]}`,
        );
      });
    },
  );
}

/**
 * What rounding the frozen matrices to halves does to each logit, to first order: Σ ∂logit/∂w · δw over their elements; and the most that it can do, whatever
 * they are: Σ |∂logit/∂w|·|δw|. A half has 11 significant bits, so that |δw| ≤ 2⁻¹¹·|w|, and below 2⁻¹⁴ its last bit is 2⁻²⁴, so that |δw| ≤ 2⁻²⁵ there.
 */
async function roundingEffects(
  tiny: TinyModel,
  batch: ClassifierBatch,
): Promise<{ expected: Float64Array; bounds: Float64Array }> {
  const { model, weights } = tiny;
  const program = createProgram("logit gradients");
  const { context, requests } = recordingContext(program, B, T);
  const logits = model.classify(
    context,
    pool(program, model.encode(context), context.inputs.poolWeights),
    LABELS,
  );
  const head = new Set(classifierOf(tiny).layout.head.map(({ name }) => name));
  const matrices = program.tensors.filter(({ name, shape, placement }) =>
    placement.kind === "buffer" && requests.weights.has(name) && shape.length >= 2 &&
    !head.has(name)
  );
  const seed = bufferTensor(program, "input", "seed", logits.shape);
  gradients(program, logits, matrices, seed)
    .forEach((gradient, i) => keepAs(program, gradient, `gradient ${i}`));
  const executor = await createCpuDevice({ threads: 1 }).load([lower(program)]);
  try {
    for (const name of requests.weights.keys()) executor.write(name, weights.get(name)!.data);
    for (const [name, data] of requests.constants) executor.write(name, data);
    const positions = Array.from({ length: B }, (_, row) => [
      ...model.positions(batch.mask.subarray(row * T, (row + 1) * T)),
    ]).flat();
    executor.write("ids", batch.ids);
    executor.write("mask", batch.mask);
    executor.write("positions", Uint32Array.from(positions));
    executor.write("pool_weights", batch.poolWeights);
    const bounds = new Float64Array(B * LABELS), expected = new Float64Array(B * LABELS);
    for (let logit = 0; logit < bounds.length; logit++) {
      executor.write("seed", Float32Array.from(bounds, (_, i) => i === logit ? 1 : 0));
      executor.run(program.name);
      for (const [i, { name }] of matrices.entries()) {
        const gradient = await executor.read(`gradient ${i}`);
        weights.get(name)!.data.forEach((w, j) => {
          expected[logit] += gradient[j] * (Math.f16round(w) - w);
          bounds[logit] += Math.abs(gradient[j]) * Math.max(2 ** -11 * Math.abs(w), 2 ** -25);
        });
      }
    }
    return { expected, bounds };
  } finally {
    await executor.close();
  }
}

onEveryDevice("loading refuses a weight beyond the range of f16, and names it", async (device) => {
  const tiny = await readTinyModel("bert");
  const name = "bert.encoder.layer.0.attention.self.query.weight";
  const { shape, data } = tiny.weights.get(name)!;
  const large = { shape, data: data.with(3, 70_000) };
  const spoiled = { ...tiny, weights: new Map([...tiny.weights, [name, large]]) };
  await withSession(device, spoiled, () => Promise.resolve());
  await assert.rejects(
    withSession(device, spoiled, () => Promise.resolve(), { baseDtype: "f16" }),
    {
      name: "HalfRangeError",
      message:
        `Cannot store "${name}" in half precision: expected numbers from -65504 to 65504, got 70000 at index 3`,
    },
  );
});
