/** The frozen base by compact types: its memory, and what it does to results. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device } from "../../src/engine/device.ts";
import { gradients } from "../../src/engine/gradients.ts";
import { lower } from "../../src/engine/lower.ts";
import { pool } from "../../src/engine/ops/pool.ts";
import { planMemory } from "../../src/engine/plan.ts";
import {
  bufferTensor,
  type CompactDType,
  createProgram,
  keepAs,
  storedBytes,
} from "../../src/engine/program.ts";
import {
  type BaseDtype,
  baseDtypes,
  buildEvaluation,
  buildTraining,
} from "../../src/lora/adapted_model.ts";
import { evaluate } from "../../src/lora/evaluate.ts";
import { type ClassifierBatch, readAdapter, train } from "../../src/lora/session.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { roundedTo } from "../engine/op_testing.ts";
import { assertClose } from "../reference/compare.ts";
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

/** Whether a tensor of a model is a frozen matrix, which compact types are for. */
function frozenMatrices(tiny: TinyModel): (name: string, shape: readonly number[]) => boolean {
  const head = new Set(classifierOf(tiny).layout.head.map(({ name }) => name));
  return (name, shape) => shape.length >= 2 && !head.has(name);
}

/** The model with the numbers that a compact type has for some of its weights. */
function roundedModel(
  tiny: TinyModel,
  dtype: CompactDType,
  isRounded: (name: string, shape: readonly number[]) => boolean,
): TinyModel {
  const weights = [...tiny.weights].map(([name, { shape, data }]): [string, Values] => [
    name,
    { shape, data: isRounded(name, shape) ? roundedTo(dtype, data, shape.at(-1)!) : data },
  ]);
  return { ...tiny, weights: new Map(weights) };
}

/** Logits of the first batch with the adapter that the golden starts from, or has in the end. */
function logitsBy(
  device: Device,
  tiny: TinyModel,
  baseDtype: BaseDtype,
  b: "stored" | "zero",
): Promise<Float32Array> {
  return withSession(device, tiny, (session) => {
    install(session, goldenAdapter(tiny, b));
    return logitsOf(session, goldenBatches(tiny)[0]);
  }, { baseDtype });
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

/** Bytes of the frozen weights that planning gives the programs of a run, matrices and all; and rows of the matrices. */
function plannedBytes(
  tiny: TinyModel,
  baseDtype: BaseDtype,
): { matrices: number; all: number; rows: number } {
  const adapted = classifierOf(tiny, { baseDtype });
  const programs = [buildTraining, buildEvaluation]
    .map((build) => build(adapted, { B, T, ring: 1 }, "cpu").program);
  const weights = [...planMemory(programs).buffers.values()].filter(({ role }) =>
    role === "weight"
  );
  const bytes = (of: typeof weights) => of.reduce((sum, spec) => sum + storedBytes(spec), 0);
  const matrices = weights.filter(({ name }) => (tiny.weights.get(name)?.shape.length ?? 0) >= 2);
  const rows = matrices.map(({ name, length }) => length / tiny.weights.get(name)!.shape.at(-1)!)
    .reduce((sum, count) => sum + count, 0);
  return { matrices: bytes(matrices), all: bytes(weights), rows };
}

for (const family of FAMILIES) {
  const tiny = await readTinyModel(family);
  const batches = goldenBatches(tiny);

  Deno.test(`baseDtype takes half or a quarter of the matrices of ${family}, and of nothing else`, () => {
    const [full, half, bytes] = baseDtypes.map((baseDtype) => plannedBytes(tiny, baseDtype));
    assert.ok(full.matrices > 0.9 * full.all, "a model is mostly matrices");
    assert.equal(half.matrices, full.matrices / 2);
    assert.equal(full.all - half.all, full.matrices / 2);
    assert.equal(bytes.matrices, full.matrices / 4 + 4 * full.rows);
    assert.equal(full.all - bytes.all, full.matrices - bytes.matrices);
  });

  onEveryDevice(
    `logits of ${family} by int8 are those of its rounded weights by f32`,
    async (device) => {
      const bytes = await logitsBy(device, tiny, "int8", "stored");
      const inBytes = roundedModel(tiny, "int8", frozenMatrices(tiny));
      assertClose(bytes, await logitsBy(device, inBytes, "f32", "stored"), 1e-5, "logits");
      const full = await logitsBy(device, tiny, "f32", "stored");
      assert.throws(() => assertClose(bytes, full, 1e-5, "logits"), "rounding shows");
    },
  );

  onEveryDevice(
    `training on ${family} gives the same bytes by f32 and f16 when its checkpoint is f16`,
    async (device) => {
      const halves = roundedModel(tiny, "f16", () => true);
      const [full, half] = [
        await trainedWith(device, halves, "f32"),
        await trainedWith(device, halves, "f16"),
      ];
      assert.deepEqual(half, full);
      const unrounded = await trainedWith(device, tiny, "f32");
      assert.notDeepEqual(unrounded.logits, full.logits, "rounding shows");
    },
  );

  for (const [dtype, tolerance] of [["f16", 0.02], ["int8", 0.2]] as const) {
    onEveryDevice(
      `logits and losses of ${family} by ${dtype} differ from those by f32 by what rounding the weights does`,
      async (device) => {
        const full = await logitsBy(device, tiny, "f32", "zero");
        const compact = await logitsBy(device, tiny, dtype, "zero");
        const { expected, bounds } = await roundingEffects(tiny, batches[0], dtype);
        const largest = Math.max(...expected.map(Math.abs));
        full.forEach((logit, i) => {
          const difference = compact[i] - logit;
          assert.ok(
            Math.abs(difference) <= bounds[i],
            `logit ${i} differs by ${difference}, bound ${bounds[i]}`,
          );
          assert.ok(
            Math.abs(difference - expected[i]) <= tolerance * largest,
            `logit ${i} differs by ${difference}, expected ${expected[i]}`,
          );
        });
        // The gradient of a loss by its logits sums up to 2 at most, in magnitudes.
        const before = lossesOf(full, batches[0].labels);
        lossesOf(compact, batches[0].labels).forEach((loss, row) => {
          const bound = 2 * Math.max(...bounds.subarray(row * LABELS, (row + 1) * LABELS));
          assert.ok(Math.abs(loss - before[row]) <= bound, `loss ${row}: ${loss}, ${before[row]}`);
        });
      },
    );
  }
}

/** Cross-entropy of each row of logits [B, labels]. */
function lossesOf(logits: Float32Array, labels: Uint32Array): number[] {
  return Array.from(labels, (label, row) => {
    const values = logits.subarray(row * LABELS, (row + 1) * LABELS);
    const sum = values.reduce((total, value) => total + Math.exp(value), 0);
    return Math.log(sum) - values[label];
  });
}

/** What rounding does to each number, and the most that it can do. */
function roundingOf(
  dtype: CompactDType,
  { shape, data }: Values,
): { change: Float64Array; most: Float64Array } {
  const width = shape.at(-1)!;
  const rounded = roundedTo(dtype, data, width);
  const scale = (row: number) =>
    data.subarray(row * width, (row + 1) * width)
      .reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
  const scales = Array.from({ length: data.length / width }, (_, row) => scale(row));
  return {
    change: Float64Array.from(rounded, (value, j) => value - data[j]),
    most: Float64Array.from(
      data,
      (value, j) =>
        dtype === "f16"
          ? Math.max(2 ** -11 * Math.abs(value), 2 ** -25)
          // With what rounding of scale and quotient adds to half a scale.
          : 0.5001 * scales[Math.floor(j / width)],
    ),
  };
}

/**
 * What rounding the frozen matrices does to each logit, to first order: Σ ∂logit/∂w · δw over their elements; and the most that it can do, whatever
 * they are: Σ |∂logit/∂w|·|δw|. A half has 11 significant bits, so that |δw| ≤ 2⁻¹¹·|w|, and below 2⁻¹⁴ its last bit is 2⁻²⁴, so that |δw| ≤ 2⁻²⁵ there.
 * A byte is within half a scale of max|row| / 127.
 */
async function roundingEffects(
  tiny: TinyModel,
  batch: ClassifierBatch,
  dtype: CompactDType,
): Promise<{ expected: Float64Array; bounds: Float64Array }> {
  const { model, weights } = tiny;
  const program = createProgram("logit gradients");
  const { context, requests } = recordingContext(program, B, T);
  const logits = model.classify(
    context,
    pool(program, model.encode(context), context.inputs.poolWeights),
    LABELS,
  );
  const isFrozenMatrix = frozenMatrices(tiny);
  const matrices = program.tensors.filter(({ name, shape, placement }) =>
    placement.kind === "buffer" && requests.weights.has(name) && isFrozenMatrix(name, shape)
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
    const rounding = new Map(
      matrices.map(({ name }) => [name, roundingOf(dtype, weights.get(name)!)]),
    );
    const bounds = new Float64Array(B * LABELS), expected = new Float64Array(B * LABELS);
    for (let logit = 0; logit < bounds.length; logit++) {
      executor.write("seed", Float32Array.from(bounds, (_, i) => i === logit ? 1 : 0));
      executor.run(program.name);
      for (const [i, { name }] of matrices.entries()) {
        const gradient = await executor.read(`gradient ${i}`);
        const { change, most } = rounding.get(name)!;
        gradient.forEach((value, j) => {
          expected[logit] += value * change[j];
          bounds[logit] += Math.abs(value) * most[j];
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
