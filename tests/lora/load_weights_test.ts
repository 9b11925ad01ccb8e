/** Weights on their way from files to a device: one tensor at a time, read once. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device } from "../../src/engine/device.ts";
import { baseTensors } from "../../src/lora/base_tensors.ts";
import type { AdaptedModel } from "../../src/lora/adapted_model.ts";
import { loadAdaptedModel } from "../../src/lora/load.ts";
import { openModelWeights } from "../../src/lora/model_weights.ts";
import { encodeSafetensors, parseSafetensorsHeader } from "../../src/protocol/safetensors.ts";
import { memoryFiles } from "../weights/memory_files.ts";
import { B, classifierOf, readTinyModel, T } from "./support.ts";

const SIZES = {
  buckets: [T, T + 4],
  batch: B,
  evaluationBatch: B,
  trainingRing: 2,
  evaluationRing: 2,
};

function baseNames({ model, labels, layout }: AdaptedModel): string[] {
  return [...baseTensors(model, labels, layout.head).keys()];
}

/** The CPU device, telling what is written. */
function watched(onWrite: (buffer: string) => void): Device {
  const device = createCpuDevice({ threads: 1 });
  return {
    ...device,
    async load(programs) {
      const executor = await device.load(programs);
      return {
        ...executor,
        write(buffer, data, offset) {
          onWrite(buffer);
          executor.write(buffer, data, offset);
        },
      };
    },
  };
}

for (const baseDtype of ["f32", "f16", "int8"] as const) {
  Deno.test(`loadAdaptedModel() writes each tensor by ${baseDtype} before it loads the next, and loads none twice`, async () => {
    const tiny = await readTinyModel("bert");
    const adapted = classifierOf(tiny, { baseDtype });
    const loaded: string[] = [];
    const live = new Set<string>();
    let most = 0;
    const device = watched((buffer) => live.delete(buffer));
    const executor = await loadAdaptedModel(device, adapted, SIZES, {
      load(name) {
        loaded.push(name);
        live.add(name);
        most = Math.max(most, live.size);
        return Promise.resolve(tiny.weights.get(name)!.data);
      },
    });
    await executor.close();
    assert.deepEqual(loaded.sort(), baseNames(adapted).sort());
    assert.equal(most, 1);
    assert.equal(live.size, 0);
  });
}

Deno.test("loadAdaptedModel() reads every tensor of a sharded checkpoint once, by itself, from the shard that has it", async () => {
  const tiny = await readTinyModel("bert");
  const adapted = classifierOf(tiny);
  const names = baseNames(adapted);
  const shardOf = (name: string) => `${names.indexOf(name) % 3}.safetensors`;
  const shards = [...new Set(names.map(shardOf))].map((path) => {
    const tensors = names.filter((name) => shardOf(name) === path)
      .map((name) => ({ name, ...tiny.weights.get(name)! }));
    return [path, encodeSafetensors(tensors)] as const;
  });
  const files = memoryFiles({
    "model.safetensors.index.json": JSON.stringify({
      weight_map: Object.fromEntries(names.map((name) => [name, shardOf(name)])),
    }),
    ...Object.fromEntries(shards),
  });
  const weights = await openModelWeights(files, tiny.model);
  const opening = files.reads.splice(0).filter(({ path }) => path.endsWith(".safetensors"));
  for (const [path, bytes] of shards) {
    const { dataOffset } = parseSafetensorsHeader(bytes, bytes.length);
    const ends = opening.filter((read) => read.path === path)
      .map(({ offset, length }) => offset + length);
    assert.equal(Math.max(...ends), dataOffset, "headers alone");
  }
  const device = createCpuDevice({ threads: 1 });
  const executor = await loadAdaptedModel(device, adapted, SIZES, weights);
  await executor.close();
  const place = ({ path, offset }: { path: string; offset: number }) => `${path} ${offset}`;
  assert.equal(new Set(files.reads.map(place)).size, names.length);
  assert.deepEqual(
    files.reads.map(({ length }) => length).sort(),
    names.map((name) => 4 * tiny.weights.get(name)!.data.length).sort(),
  );
});
