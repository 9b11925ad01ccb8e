import assert from "node:assert/strict";
import { changedWeights, installBase } from "../../src/lora/base_changes.ts";
import type { WeightLoader } from "../../src/lora/load.ts";
import type { ModuleComponents } from "../../src/protocol/bank.ts";
import { deltaWeight } from "../../src/protocol/components.ts";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { FAMILIES } from "../models/support.ts";
import {
  goldenAdapter,
  goldenBatches,
  install,
  logitsOf,
  readTinyModel,
  type TinyModel,
  withSession,
} from "./support.ts";

/** The model's weights, counting what is read. */
function countedWeights({ weights }: TinyModel): { loader: WeightLoader; reads: string[] } {
  const reads: string[] = [];
  const load = (name: string) => {
    reads.push(name);
    return Promise.resolve(weights.get(name)!.data);
  };
  return { loader: { load }, reads };
}

function changesOf(modules: readonly ModuleComponents[], scale: number): Float32Array[] {
  return modules.map((module) => Float32Array.from(deltaWeight(module, scale)));
}

for (const family of FAMILIES) {
  onEveryDevice(
    `installBase() merges s·B·A into ${family} as if the adapter were there`,
    async (device) => {
      const tiny = await readTinyModel(family);
      const [batch] = goldenBatches(tiny);
      const { loader } = countedWeights(tiny);
      const stored = goldenAdapter(tiny, "stored");
      const changes = changesOf(stored.modules, tiny.scale);
      await withSession(device, tiny, async (session) => {
        install(session, stored);
        const adapted = await logitsOf(session, batch);
        install(session, goldenAdapter(tiny, "zero"));
        const plain = await logitsOf(session, batch);
        await installBase(session, loader, changes);
        const merged = await logitsOf(session, batch);
        merged.forEach((value, i) => assert.ok(Math.abs(value - adapted[i]) < 1e-4));
        assert.ok(merged.some((value, i) => Math.abs(value - plain[i]) > 1e-2), "they differ");

        await installBase(session, loader, changes.map((change) => change.map((x) => -x)));
        await installBase(session, loader, changes.slice());
        assert.deepEqual(await logitsOf(session, batch), merged, "nothing adds up");
        await installBase(session, loader, undefined);
        assert.deepEqual(await logitsOf(session, batch), plain, "the checkpoint's own again");
      });
    },
  );
}

Deno.test("installBase() writes nothing where the changes are in place", async () => {
  const tiny = await readTinyModel("llama");
  const { loader, reads } = countedWeights(tiny);
  const changes = changesOf(goldenAdapter(tiny, "stored").modules, tiny.scale);
  await withSession(createCpuDevice({ threads: 1 }), tiny, async (session) => {
    const { modules } = session.adapted.layout;
    await installBase(session, loader, undefined);
    assert.deepEqual(reads, []);
    await installBase(session, loader, changes);
    await installBase(session, loader, changes);
    assert.deepEqual(reads, modules.map(({ name }) => `${name}.weight`));
  });
});

Deno.test("installBase() writes all again after a weight could not be read", async () => {
  const tiny = await readTinyModel("llama");
  const [batch] = goldenBatches(tiny);
  const { loader } = countedWeights(tiny);
  const changes = changesOf(goldenAdapter(tiny, "stored").modules, tiny.scale);
  await withSession(createCpuDevice({ threads: 1 }), tiny, async (session) => {
    install(session, goldenAdapter(tiny, "zero"));
    const plain = await logitsOf(session, batch);
    let left = 3;
    const failing: WeightLoader = {
      load: (name, shape) =>
        left-- > 0 ? loader.load(name, shape) : Promise.reject(new Error("the disk is gone")),
    };
    await assert.rejects(installBase(session, failing, changes), /the disk is gone/);
    assert.notDeepEqual(await logitsOf(session, batch), plain, "some weights are changed");
    await installBase(session, loader, undefined);
    assert.deepEqual(await logitsOf(session, batch), plain);
  });
});

Deno.test("changedWeights() changes the modules' weights alone, rounded once", async () => {
  const weights: WeightLoader = { load: () => Promise.resolve(Float32Array.of(1, 2 ** 24)) };
  const module = { name: "q", inFeatures: 2, outFeatures: 1 };
  const changed = changedWeights(weights, [module], [Float32Array.of(0.5, 1)]);
  // 2²⁴ + 1 is halfway between two floats.
  assert.deepEqual(await changed.load("q.weight", [1, 2]), Float32Array.of(1.5, 2 ** 24));
  assert.deepEqual(await changed.load("q.bias", [2]), Float32Array.of(1, 2 ** 24));
  assert.equal(changedWeights(weights, [module], undefined), weights);
});
