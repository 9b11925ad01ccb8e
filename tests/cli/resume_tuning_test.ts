import assert from "node:assert/strict";
import { join } from "node:path";
import { testDevices } from "../engine/devices.ts";
import { runCli, tiny } from "./command.ts";
import { tinyFlags } from "./pretrain/tiny_input.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-resume-tuning-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const train = (...args: string[]) =>
  runCli("train", [`--cache-dir=${join(folder, "cache")}`, ...args]);

Deno.test({
  name: "train --resume computes by the kernel variants that run.json records",
  ignore: testDevices.find(({ name }) => name === "webgpu")!.ignore,
  async fn() {
    const out = join(folder, "run");
    const first = await train(...tiny, "--device=webgpu", "--rounds=1", `--out=${out}`);
    assert.equal(first.code, 0, first.err);

    // As if a measurement had found these fastest; a software adapter would not choose them.
    const run = JSON.parse(await Deno.readTextFile(join(out, "run.json")));
    const tuning = run.device.tuning;
    for (const kind of Object.keys(tuning)) {
      if (kind.startsWith("matmul ")) tuning[kind] = "4x4";
    }
    await Deno.writeTextFile(join(out, "run.json"), JSON.stringify(run));

    const resumed = await train(`--resume=${out}`, "--rounds=2", "--profile");
    assert.equal(resumed.code, 0, resumed.err);
    const kept = JSON.parse(await Deno.readTextFile(join(out, "run.json")));
    assert.deepEqual(kept.device.tuning, tuning);
    const profile = JSON.parse(await Deno.readTextFile(join(out, "profile.json")));
    const kernels: string[] = profile.kernels.map(({ kernel }: { kernel: string }) => kernel);
    const products = kernels.filter((kernel) => kernel.startsWith("matmul "));
    assert.ok(products.length > 0);
    assert.deepEqual(
      products.filter((kernel) => !kernel.includes("TILE_ROWS=4 TILE_COLUMNS=4")),
      [],
    );
  },
});

Deno.test({
  name: "pretrain --resume computes by the kernel variants that pretrain.json records",
  ignore: testDevices.find(({ name }) => name === "webgpu")!.ignore,
  async fn() {
    const out = join(folder, "pretraining");
    const pretrain = async (...args: string[]) => {
      const { code, err } = await runCli("pretrain", [...args, "--device=webgpu"]);
      assert.equal(code, 0, err);
      return JSON.parse(await Deno.readTextFile(join(out, "pretrain.json")));
    };
    const file = await pretrain(...await tinyFlags(folder), "--steps=2", `--out=${out}`);
    for (const kind of Object.keys(file.tuning)) {
      if (kind.startsWith("matmul ")) file.tuning[kind] = "4x4";
    }
    await Deno.writeTextFile(join(out, "pretrain.json"), JSON.stringify(file));
    // What is written again is what the device used.
    const { tuning } = await pretrain(`--resume=${out}`, "--steps=4");
    assert.ok(Object.values(tuning).includes("4x4"));
    assert.deepEqual(tuning, file.tuning);
  },
});
