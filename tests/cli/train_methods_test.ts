/** What a run of a method leaves whose result is not one adapter. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { namesIn } from "../../src/cli/working_folder.ts";
import { openModelWeights } from "../../src/lora/model_weights.ts";
import { readModel } from "../../src/models/mod.ts";
import { decodeSafetensors } from "../../src/protocol/safetensors.ts";
import { builtInBase } from "../../src/weights/built_in_base.ts";
import { openWeights, readConfig } from "../../src/weights/mod.ts";
import { root, runCli, tiny } from "./command.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-train-methods-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const train = (...args: string[]) => runCli("train", [`--cache-dir=${folder}/cache`, ...args]);

const names = (...path: string[]) => namesIn(join(folder, ...path));

async function bytesOf(run: string, path: string): Promise<string> {
  return (await Deno.readFile(join(folder, run, path))).toHex();
}

async function textOf(run: string, path: string): Promise<string> {
  return await Deno.readTextFile(join(folder, run, path));
}

Deno.test("train --method flora leaves a model with every round merged, and resumes to its bytes", async () => {
  const flora = [...tiny, "--method=flora"];
  const [whole, part] = await Promise.all([
    train(...flora, "--rounds=3", `--out=${folder}/flora`),
    train(...flora, "--rounds=1", `--out=${folder}/part`),
  ]);
  assert.deepEqual([whole.code, part.code], [0, 0], whole.err + part.err);
  const resumed = await train(`--resume=${folder}/part`, "--rounds=3");
  assert.equal(resumed.code, 0, resumed.err);
  for (const file of ["merged/model.safetensors", "checkpoint/round-000003/state.json"]) {
    assert.equal(await bytesOf("part", file), await bytesOf("flora", file), file);
  }
  assert.match(whole.out, /merged into the base weights: the result is a model, not an adapter/);
  assert.match(whole.out, /^Model +.*flora\/merged, the base with every round's adapters merged/m);
  assert.match(await textOf("flora", "report.html"), /the result is a model, not an adapter/);
  assert.deepEqual(await names("flora", "merged"), [
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  assert.ok(!(await names("flora")).includes("adapter"));
  assert.match(await textOf("flora", "merged/README.md"), /there is no adapter beside them/);

  const files = folderFiles(join(folder, "flora", "merged"));
  const config = await readConfig(files) as { architectures: string[] };
  assert.deepEqual(config.architectures, ["BertForSequenceClassification"]);
  const model = readModel(config);
  const weights = await openModelWeights(files, model);
  const base = await openModelWeights(builtInBase(), model);
  const changed: string[] = [];
  for (const name of (await openWeights(files)).names.filter(base.has)) {
    const shape = weights.shape(name);
    const [after, before] = [await weights.load(name, shape), await base.load(name, shape)];
    if (after.some((value, at) => value !== before[at])) changed.push(name);
  }
  const adapted = JSON.parse(await textOf("flora", "run.json")).facts.modules as string[];
  assert.deepEqual(changed.sort(), adapted.map((name) => `${name}.weight`).sort());
  assert.deepEqual(weights.shape("classifier.weight"), [20, 128]);

  const again = await train(
    "--model",
    join(folder, "flora", "merged"),
    ...tiny,
    `--out=${folder}/next`,
  );
  assert.equal(again.code, 0, again.err);
});

Deno.test({
  name: "train --method flora hears Ctrl-C while it writes the model, and leaves none of it",
  ignore: Deno.build.os === "windows",
  async fn() {
    const out = join(folder, "stopped");
    const flags = [...tiny, "--method=flora", "--rounds=1", `--cache-dir=${folder}/cache`];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "tests/cli/interrupted_train.ts", ...flags, `--out=${out}`],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const err = new TextDecoder().decode(stderr);
    assert.match(
      err,
      /^Stopped after round 1; continue with: deno task train --resume .*stopped$/m,
    );
    assert.equal(code, 130, err);
    const left = await names("stopped");
    assert.ok(!left.some((name) => name.startsWith("merged")), left.join());
    assert.equal((await train(`--resume=${out}`)).code, 0);
    assert.ok((await names("stopped", "merged")).includes("model.safetensors"));
  },
});

Deno.test("train --method local leaves an adapter for each client, and resumes to their bytes", async () => {
  const local = [...tiny, "--method=local"];
  const [whole, part] = await Promise.all([
    train(...local, "--rounds=3", `--out=${folder}/local`),
    train(...local, "--rounds=1", `--out=${folder}/some`),
  ]);
  assert.deepEqual([whole.code, part.code], [0, 0], whole.err + part.err);
  const resumed = await train(`--resume=${folder}/some`, "--rounds=3");
  assert.equal(resumed.code, 0, resumed.err);
  assert.deepEqual(await names("local", "adapters"), [
    "README.md",
    "client-1",
    "client-2",
    "client-3",
  ]);
  for (const [client, rank] of [[1, 2], [2, 4], [3, 8]]) {
    const file = `adapters/client-${client}/adapter_model.safetensors`;
    assert.equal(await bytesOf("some", file), await bytesOf("local", file));
    const { tensors } = decodeSafetensors(await Deno.readFile(join(folder, "local", file)));
    const [first] = [...tensors].filter(([name]) => name.endsWith("lora_A.weight"));
    assert.equal(first[1].shape[0], rank);
    const { r } = JSON.parse(
      await textOf("local", `adapters/client-${client}/adapter_config.json`),
    );
    assert.equal(r, rank);
  }
  assert.ok(!(await names("local")).includes("adapter"));
  assert.match(whole.out, /^Adapters .*local\/adapters, one a client: nothing was combined$/m);
  assert.match(await textOf("local", "adapters/README.md"), /there is no shared adapter/);
  const report = await textOf("local", "report.html");
  assert.match(report, /means over the clients, each with its own model/);
  assert.doesNotMatch(report, /NaN|Infinity|Accuracy by bytes/);
  const files = await names("local", "clients");
  assert.ok(files.length >= 3 && files.length <= 6, "those of the last round and of the best");
});

Deno.test("train --overwrite removes what another method has left", async () => {
  const run = (method: string) =>
    train(...tiny, "--rounds=1", `--method=${method}`, "--overwrite", `--out=${folder}/over`);
  for (
    const [method, result] of [["flora", "merged"], ["local", "adapters"], ["random", "adapter"]]
  ) {
    const { code, err } = await run(method);
    assert.equal(code, 0, err);
    const left = (await names("over")).filter((name) =>
      ["adapter", "adapters", "merged"].includes(name)
    );
    assert.deepEqual(left, [result]);
  }
});
