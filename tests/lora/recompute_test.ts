/** Training steps that run layers again instead of keeping what they computed: the same results, in less memory, for more work. */

import assert from "node:assert/strict";
import { makeTokenBatch } from "../../src/data/token_batches.ts";
import type { Device, DeviceInfo } from "../../src/engine/device.ts";
import { operation } from "../../src/engine/ops/registry.ts";
import { planMemory } from "../../src/engine/plan.ts";
import type { Program } from "../../src/engine/program.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import { type AdaptedModel, buildEvaluation, buildTraining } from "../../src/lora/adapted_model.ts";
import { readAdapter, readSensitivity, train } from "../../src/lora/session.ts";
import { readModel } from "../../src/models/mod.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { normalNumbers, wholeNumbers } from "../engine/op_testing.ts";
import { FAMILIES, type Values } from "../models/support.ts";
import {
  B,
  classifierOf,
  everywhere,
  GOLDEN_OPTIMIZER,
  goldenBatches,
  install,
  languageModelOf,
  readTinyModel,
  stepsOver,
  T,
  type TinyModel,
  withSession,
} from "./support.ts";

const DROPS = { dropout: 0.1, loraDropout: 0.1 };

/** The tiny model with so many layers, each a copy of one that it has. */
function withLayers(tiny: TinyModel, layers: number): TinyModel {
  // Each family reads the one of these keys that is its own.
  const config = {
    ...tiny.config,
    num_hidden_layers: layers,
    n_layers: layers,
    n_layer: layers,
  };
  const weights = new Map<string, Values>();
  for (const [name, values] of tiny.weights) {
    const [, before, index, after] = /^(.*\.(?:h|layers?)\.)(\d+)(\..*)$/.exec(name) ?? [];
    if (index === undefined) weights.set(name, values);
    else for (let i = Number(index); i < layers; i += 2) weights.set(before + i + after, values);
  }
  return { ...tiny, config, model: readModel(config), weights };
}

/** Everything that steps leave behind: three over the golden's batches unless others are given. */
function trainedWith(
  device: Device,
  tiny: TinyModel,
  changes: Partial<AdaptedModel>,
  steps = stepsOver(goldenBatches(tiny), 3, (step) => 7 * step),
) {
  return withSession(device, tiny, async (session) => {
    const { modules, head } = session.adapted.layout;
    install(session, {
      modules: modules.map((module) => ({
        ...module,
        a: normalNumbers(`${module.name} a`, tiny.rank * module.inFeatures),
        b: normalNumbers(`${module.name} b`, tiny.rank * module.outFeatures).map((b) => 0.1 * b),
      })),
      head: head.map(({ name, shape }) => ({ name, shape, data: tiny.weights.get(name)!.data })),
      forward: everywhere(tiny, 1),
    });
    const losses = await train(session, GOLDEN_OPTIMIZER, { train: everywhere(tiny, 1) }, steps);
    return {
      losses,
      gradient: await session.executor.read(BUFFERS.gradient),
      adapter: await readAdapter(session),
      sensitivity: await readSensitivity(session),
    };
  }, changes);
}

/** The training step of a tiny model. */
function trainingStep(
  tiny: TinyModel,
  changes: Partial<AdaptedModel>,
  device: DeviceInfo["kind"] = "cpu",
): Program {
  return buildTraining(classifierOf(tiny, changes), { B, T, ring: 1 }, device).program;
}

/** Elements that activations are planned to take. */
function activations(program: Program): number {
  return planMemory([program]).slots.reduce((sum, size) => sum + size, 0);
}

function flops(program: Program): number {
  return program.nodes.reduce((sum, node) => sum + operation(node.op).cost(node).flops, 0);
}

for (const family of FAMILIES) {
  const tiny = await readTinyModel(family);

  for (const changes of [{}, DROPS]) {
    const dropping = "dropout" in changes ? "with dropout" : "without dropout";

    onEveryDevice(
      `recompute gives the same bytes for ${family} of three layers ${dropping}`,
      async (device) => {
        const deep = withLayers(tiny, 3);
        const kept = await trainedWith(device, deep, changes);
        assert.ok(kept.losses.every(Number.isFinite) && new Set(kept.losses).size > 1);
        assert.deepEqual(await trainedWith(device, deep, { ...changes, recompute: true }), kept);
      },
    );

    for (const kind of ["cpu", "webgpu"] as const) {
      Deno.test(`recompute adds one tensor a layer to the memory of ${family} ${dropping} [${kind}]`, () => {
        const planned = (layers: number, recompute: boolean) =>
          activations(trainingStep(withLayers(tiny, layers), { ...changes, recompute }, kind));
        assert.equal(planned(1, true), planned(1, false));
        const states = B * T * tiny.model.width;
        // A layer computes at least six tensors of its states' size on its way.
        for (const layers of [2, 3, 6, 12]) {
          const saved = planned(layers, false) - planned(layers, true);
          assert.ok(saved >= (layers - 1) * 6 * states - states, `${layers} layers: ${saved}`);
        }
        const [six, twelve] = [6, 12].map((layers) => planned(layers, true));
        const perLayer = (twelve - six) / 6;
        assert.ok(states <= perLayer && perLayer <= 1.1 * states, `${perLayer} of ${states}`);
      });
    }

    Deno.test(`recompute runs every layer of ${family} but the last twice ${dropping}`, () => {
      const step = (layers: number, recompute: boolean) =>
        trainingStep(withLayers(tiny, layers), { ...changes, recompute });
      const added = (layers: number) => flops(step(layers, true)) - flops(step(layers, false));
      const forward = (layers: number) =>
        flops(
          buildEvaluation(
            classifierOf(withLayers(tiny, layers), changes),
            { B, T, ring: 1 },
            "cpu",
          )
            .program,
        );
      const layer = forward(2) - forward(1);
      assert.equal(added(1), 0);
      // Not all of a layer: no product after which nothing is computed that the backward pass reads.
      assert.ok(0.5 * layer < added(2) && added(2) < 1.3 * layer, `${added(2)} of ${layer}`);
      for (const layers of [3, 6]) assert.equal(added(layers), (layers - 1) * added(2));
    });
  }

  Deno.test(`recompute leaves the evaluation of ${family} as it is`, () => {
    const built = (recompute: boolean) =>
      buildEvaluation(classifierOf(tiny, { recompute }), { B, T, ring: 1 }, "cpu").program;
    assert.deepEqual(built(true), built(false));
  });
}

onEveryDevice(
  "recompute gives the same bytes for a language model that accumulates two batches a step",
  async (device) => {
    // Its output layer is its table of embeddings.
    const deep = withLayers(await readTinyModel("gpt2"), 3);
    const batchOf = (name: string) =>
      makeTokenBatch(
        Array.from({ length: B }, (_, row) => ({
          ids: wholeNumbers(`${name} ${row}`, T - row, deep.model.vocabulary),
          documents: Uint32Array.from({ length: T - row }, (_, t) => t < 5 ? 1 : 2),
          learned: new Uint8Array(T - row).fill(1),
        })),
        B,
        [T],
        0,
        0.01,
      );
    const steps = ["first", "second"].map((step) => ({
      batches: [0, 1].map((part) => ({ batch: batchOf(`${step} ${part}`), seed: part })),
      factor: 1,
    }));
    const changes = languageModelOf(deep, { ...DROPS, accumulate: true });
    const kept = await trainedWith(device, deep, changes, steps);
    assert.ok(kept.losses.every((loss) => loss > 0), String(kept.losses));
    const again = await trainedWith(device, deep, { ...changes, recompute: true }, steps);
    assert.deepEqual(again, kept);
  },
);
