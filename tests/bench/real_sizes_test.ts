/** The measured step of a real size, taken at a small one. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { writeCheckpoint } from "../../bench/real_sizes/checkpoint.ts";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { GPT2 } from "../../src/cli/doctor/shapes.ts";
import { openModelWeights } from "../../src/lora/model_weights.ts";
import { readModel } from "../../src/models/mod.ts";
import { withFolder } from "../temp_folder.ts";

const SMALL = { ...GPT2, vocab_size: 300, n_embd: 32, n_layer: 3, n_head: 2, n_positions: 16 };

const program = fileURLToPath(
  new URL("../../bench/real_sizes/training_memory.ts", import.meta.url),
);

async function measure(...flags: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", program, ...flags],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("writeCheckpoint() writes a checkpoint that its model reads, and leaves one that is there", async () => {
  await withFolder(async (folder) => {
    await writeCheckpoint(folder, SMALL);
    const weights = await openModelWeights(folderFiles(folder), readModel(SMALL));
    const gain = await weights.load("transformer.h.2.ln_1.weight", [32]);
    assert.ok(gain.every((value) => value === 1));
    const table = await weights.load("transformer.wte.weight", [300, 32]);
    const deviation = Math.sqrt(table.reduce((sum, x) => sum + x * x, 0) / table.length);
    assert.ok(Math.abs(deviation - 0.02) < 0.001, `${deviation}`);
    assert.deepEqual(weights.shape("transformer.h.0.attn.c_attn.weight"), [96, 32]);
    const path = `${folder}/model.safetensors`;
    const { mtime } = await Deno.stat(path);
    await writeCheckpoint(folder, SMALL);
    assert.deepEqual((await Deno.stat(path)).mtime, mtime);
  });
});

Deno.test("a step of a checkpoint tells its loss, its plan and its memory, and by --recompute plans less", async () => {
  await withFolder(async (folder) => {
    await writeCheckpoint(folder, SMALL);
    const flags = [`--model=${folder}`, "--threads=1", "--tokens=16", "--rows=8"];
    const kept = await measure(...flags);
    const again = await measure(...flags, "--recompute");
    assert.ok(Math.abs(kept.loss - Math.log(300)) < 0.5, `${kept.loss}`);
    assert.equal(again.loss, kept.loss);
    assert.ok(again.planned.activation < kept.planned.activation);
    assert.equal(again.planned.weight, kept.planned.weight);
    if (Deno.build.os === "linux") assert.ok(kept.peakMemory >= kept.loadedMemory);
  });
});
