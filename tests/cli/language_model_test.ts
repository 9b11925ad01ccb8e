/** A run that trains a language model, from the command's settings to its folder. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readRun } from "../../src/cli/run_folder.ts";
import { runTraining } from "../../src/cli/run_training.ts";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { lineReporter } from "../../src/cli/progress.ts";
import { openData, openTokenCache } from "../../src/cli/sources.ts";
import { createTokenizer } from "../../src/data/mod.ts";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import { prepareFederation } from "../../src/federated/prepare.ts";
import { readSettings } from "../../src/federated/read_settings.ts";
import { resumedConfig } from "../../src/federated/resumed_config.ts";
import type { RunConfig } from "../../src/federated/run_config.ts";
import { fitAdapter } from "../../src/lora/peft_fit.ts";
import { importPeft } from "../../src/lora/peft_import.ts";
import { openModelWeights } from "../../src/lora/model_weights.ts";
import { readModel } from "../../src/models/mod.ts";
import { readConfig } from "../../src/weights/mod.ts";
import { assertWellFormed, bodyOf } from "./well_formed.ts";
import { decodeSafetensors, toFloat32 } from "../../src/protocol/safetensors.ts";
import { wordText, writeWordModel } from "./word_model.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-language-model-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const model = join(folder, "model");
await writeWordModel(model);
const data = join(folder, "texts.jsonl");
const texts = Array.from({ length: 60 }, (_, i) => ({ text: wordText(i, 3 + i % 17) }));
await Deno.writeTextFile(data, texts.map((row) => JSON.stringify(row) + "\n").join(""));

function configOf(out: string, given: Partial<RunConfig> = {}): RunConfig {
  return completeRunConfig({
    task: "lm",
    model,
    data,
    clients: 3,
    ranks: [1, 2, 4],
    rounds: 2,
    schedule: "constant",
    localSteps: 3,
    batch: 4,
    accumulate: 2,
    seqLen: 12,
    device: "cpu",
    threads: 1,
    cacheDir: join(folder, "cache"),
    out: join(folder, out),
    ...given,
  });
}

/** Tokenizes what the run needs, so that it finds all in its cache and loads no tokenizer. */
async function fillCache(config: RunConfig): Promise<void> {
  await prepareFederation({
    config,
    files: folderFiles(model),
    data: await openData(config),
    createTokenizer,
    cache: openTokenCache(config, () => assert.fail("no cache")),
  });
}

async function bytesOf(run: string, path: string): Promise<string> {
  return (await Deno.readFile(join(folder, run, path))).toHex();
}

Deno.test("runTraining() of a language model writes records, an adapter of a causal model and a report, and resumes to the same bytes", async () => {
  const config = configOf("whole");
  await fillCache(config);
  const lines: string[] = [];
  await runTraining(config, undefined, lineReporter((line) => lines.push(line)));
  const told = lines.join("\n");
  assert.match(
    told,
    /^Data {5}texts.jsonl, 44 \/ 4 \/ 12 texts to train .*; \d+ \/ \d+ \/ \d+ tokens to predict$/m,
  );
  assert.match(told, /^round 2\/2 {2}perplexity [\d.,]+ {2}loss \d\.\d{3} {2}train .* tokens\/s /m);
  assert.match(told, /^Test perplexity: [\d.,]+ \(loss \d\.\d{3}\) after the last round/m);
  assert.match(told, /^Speed: [\d,]+ tokens\/s/m);

  const { run, records } = await readRun(config.out);
  assert.deepEqual([run.config.task, run.facts.labels, run.config.partition], ["lm", [], "iid"]);
  assert.ok(
    run.facts.tokens!.train > 300 &&
      run.facts.clients.every(({ labelCounts }) => labelCounts.length === 0),
  );
  for (const record of records) {
    assert.ok(Number.isFinite(record.loss) && !("accuracy" in record), "honest records");
  }

  const read = (name: string) => Deno.readTextFile(join(config.out, "adapter", name));
  const peft = JSON.parse(await read("adapter_config.json"));
  assert.deepEqual([peft.task_type, peft.modules_to_save], ["CAUSAL_LM", []]);
  const files = folderFiles(model);
  const base = readModel(await readConfig(files));
  const adapter = importPeft({
    "adapter_config.json": await read("adapter_config.json"),
    "adapter_model.safetensors": await Deno.readFile(
      join(config.out, "adapter/adapter_model.safetensors"),
    ),
  });
  const weights = await openModelWeights(files, base);
  assert.equal(fitAdapter(adapter, { label: "tiny", model: base, weights }).classes, undefined);
  assert.match(await read("README.md"), /AutoModelForCausalLM/);

  const report = await Deno.readTextFile(join(config.out, "report.html"));
  assertWellFormed(bodyOf(report));
  assert.doesNotMatch(report, /NaN|Infinity|undefined|\[object|[Aa]ccuracy/);
  assert.match(report, /Final perplexity/);
  assert.match(report, / 44 training and 4 validation texts, /);

  const begun = configOf("resumed", { rounds: 1 });
  await runTraining(begun, undefined, lineReporter(() => {}));
  const saved = await readRun(begun.out);
  const given = { resume: begun.out, rounds: 2 };
  await runTraining(resumedConfig(saved.run.config, given), saved, lineReporter(() => {}));
  const late = runTraining(resumedConfig(saved.run.config, given), saved, lineReporter(() => {}));
  await assert.rejects(
    late,
    /^RunFolderError: .* from round 1: another process .* to round 2; run/,
  );
  const adapterFile = "adapter/adapter_model.safetensors";
  assert.equal(await bytesOf("resumed", adapterFile), await bytesOf("whole", adapterFile));
});

Deno.test("runTraining() of a language model by flora writes a model, and by local an adapter a client", async () => {
  for (const method of ["flora", "local"] as const) {
    const settings = readSettings({ method, ranks: [2] }, (key) => key);
    const config = configOf(method, settings);
    await runTraining(config, undefined, lineReporter(() => {}));
    const place = method === "flora" ? "merged" : "adapters";
    const card = await Deno.readTextFile(join(config.out, place, "README.md"));
    assert.match(card, /AutoModelForCausalLM/);
    assert.doesNotMatch(card, /accurac|labels|NaN|undefined/i);
    if (method === "local") {
      for (const client of [1, 2]) {
        const weights = await Deno.readFile(
          join(config.out, place, `client-${client}`, "adapter_model.safetensors"),
        );
        const { tensors } = decodeSafetensors(weights);
        const [, b] = [...tensors].find(([name]) => name.includes("lora_B"))!;
        assert.ok(toFloat32(b.dtype, b.bytes).some((value) => value !== 0), "it was trained");
      }
      continue;
    }
    const merged = readModel(await readConfig(folderFiles(join(config.out, place))));
    assert.equal(merged.languageModel?.architecture, "LlamaForCausalLM");
  }
});
