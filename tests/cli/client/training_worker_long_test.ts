import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { workerTrainer } from "../../../src/cli/client/worker_trainer.ts";
import { folderFiles } from "../../../src/cli/deno_files.ts";
import { builtinCorpus, jsonLines } from "../../../src/data/mod.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import { loneClientRun } from "./lone_client.ts";

Deno.test("the training worker tokenizes for a model in a folder", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hafl-worker-test-" });
  try {
    const corpus = builtinCorpus(1, { train: 9, test: 0, validation: 1 });
    const data = join(folder, "rows.jsonl");
    await Deno.writeTextFile(data, jsonLines(corpus));
    const model = fileURLToPath(new URL("../../../base", import.meta.url));
    const { manifest } = await loneClientRun({
      config: completeRunConfig({ clients: 1, ranks: [2], seqLen: 8 }),
      files: folderFiles(model),
      labels: corpus.labels,
      ranks: { kind: "fixed", ranks: [2] },
    });
    const url = new URL("../../../src/cli/client/training_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    const listener = { note() {}, prepare() {} };
    const trainer = workerTrainer(worker, listener, new AbortController().signal);
    try {
      const { samples, heldOut } = await trainer.open({
        manifest,
        model: { model, revision: null, given: true },
        data: { data, textColumn: "text", labelColumn: null, heldOut: 0.1, evaluate: false },
        device: { device: "cpu", threads: 1 },
        baseDtype: "f32",
        recompute: false,
        offline: true,
        cacheDir: join(folder, "cache"),
      });
      assert.deepEqual([samples, heldOut], [9, 1]);
    } finally {
      await trainer.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
