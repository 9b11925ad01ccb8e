/** A step of several batches against one of all their rows at once. */

import assert from "node:assert/strict";
import { makeTokenBatch } from "../../src/data/token_batches.ts";
import { tokenRows } from "../../src/data/token_rows.ts";
import type { Device } from "../../src/engine/device.ts";
import type { AdaptedModel } from "../../src/lora/adapted_model.ts";
import {
  type ClassifierBatch,
  type DeviceBatch,
  readAdapter,
  readSensitivity,
  train,
} from "../../src/lora/session.ts";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { wholeNumbers } from "../engine/op_testing.ts";
import { assertClose } from "../reference/compare.ts";
import {
  B,
  classifierOf,
  everywhere,
  GOLDEN_OPTIMIZER,
  goldenAdapter,
  goldenBatches,
  install,
  languageModelOf,
  readTinyModel,
  T,
  withSession,
} from "./support.ts";

const tiny = await readTinyModel("llama3");

/** Rounding of sums in another order, through a few steps of AdamW. */
const TOLERANCE = 2e-5;

/** What training steps make of the golden's adapter: losses, matrices and sensitivities. */
async function trained(
  device: Device,
  model: AdaptedModel,
  rows: number,
  steps: readonly (readonly DeviceBatch[])[],
): Promise<number[][]> {
  return await withSession(
    device,
    tiny,
    async (session) => {
      const { head } = model.layout;
      install(session, {
        ...goldenAdapter(tiny, "stored"),
        ...(head.length === 0 && { head: [] }),
      });
      const losses = await train(
        session,
        // FedProx's pull must be added once, not once a batch.
        { ...GOLDEN_OPTIMIZER, proximal: 0.1, clipNorm: 0.05 },
        { train: everywhere(tiny, 1) },
        steps.map((batches) => ({
          batches: batches.map((batch) => ({ batch, seed: 0 })),
          factor: 1,
        })),
      );
      const { modules } = await readAdapter(session);
      const sensitivities = await readSensitivity(session);
      return [
        [...losses],
        ...modules.flatMap(({ a, b }) => [[...a], [...b]]),
        ...sensitivities.flatMap(({ a, b }) => [Array.from(a.smoothed), Array.from(b.uncertainty)]),
      ];
    },
    { ...model, proximal: true },
    { batch: rows },
  );
}

/** Some rows of a classifier's batch; each row keeps its weight. */
function part(whole: ClassifierBatch, first: number, rows: number): ClassifierBatch {
  const end = first + rows;
  return {
    ...whole,
    B: rows,
    rows,
    ids: whole.ids.slice(first * T, end * T),
    mask: whole.mask.slice(first * T, end * T),
    labels: whole.labels.slice(first, end),
    weights: whole.weights.slice(first, end),
    poolWeights: whole.poolWeights.slice(first * T, end * T),
  };
}

onEveryDevice(
  "train() of a classifier by accumulated batches takes the steps of the whole batch",
  async (device) => {
    const batches = goldenBatches(tiny).slice(0, 3);
    const whole = await trained(device, classifierOf(tiny), B, batches.map((batch) => [batch]));
    const parts = batches.map((batch) => [0, 1, 2, 3].map((row) => part(batch, row, 1)));
    const accumulated = await trained(device, classifierOf(tiny, { accumulate: true }), 1, parts);
    whole.forEach((numbers, i) => assertClose(accumulated[i], numbers, TOLERANCE, String(i)));
  },
);

const texts = [12, 7, 5, 3, 9, 4, 12, 11].map((length, i) => ({
  ids: wholeNumbers(`text ${i}`, length, 60),
  learned: new Uint8Array(length).fill(1),
}));
const rows = tokenRows(texts, T, { packed: true });

onEveryDevice(
  "train() of a language model weighs predictions alike in all of a step's batches, and sees the sensitivity once a step",
  async (device) => {
    const predictions = rows.reduce((sum, { learned }) => sum + learned.filter(Boolean).length, 0);
    const batch = (some: typeof rows, size: number) =>
      makeTokenBatch(some, size, [T], 0, 1 / predictions);
    const whole = [batch(rows, rows.length)];
    // The last batch has one row of two.
    const parts = [rows.slice(0, 2), rows.slice(2, 4), rows.slice(4)].map((some) => batch(some, 2));
    assert.equal(rows.length, 6, "or the parts do not cover them");
    const expected = await trained(device, languageModelOf(tiny), rows.length, [whole, whole]);
    const model = languageModelOf(tiny, { accumulate: true });
    const actual = await trained(device, model, 2, [parts, parts]);
    expected.forEach((numbers, i) => assertClose(actual[i], numbers, TOLERANCE, String(i)));
  },
);

Deno.test("train() refuses a step of several batches by a model that does not accumulate", async () => {
  const batches = goldenBatches(tiny).slice(0, 2);
  await assert.rejects(
    trained(createCpuDevice({ threads: 1 }), classifierOf(tiny), B, [batches]),
    /Cannot take a step of 2 batches: expected a model built to accumulate/,
  );
});
