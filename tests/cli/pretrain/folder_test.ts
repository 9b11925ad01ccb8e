import assert from "node:assert/strict";
import { join } from "node:path";
import { readConfig } from "../../../src/cli/pretrain/config.ts";
import {
  appendMetric,
  checkNewFolder,
  type Metric,
  type PretrainFile,
  readMetrics,
  readPretrainFile,
  removeUnfinished,
  writeMetrics,
  writePretrainFile,
} from "../../../src/cli/pretrain/folder.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { withFolder } from "../../temp_folder.ts";

const metricAt = (step: number): Metric => ({
  step,
  loss: 5 / step,
  learningRate: 0.001,
  tokensPerSecond: 100,
  seconds: step,
});

Deno.test("readMetrics() leaves out steps that a crash undid and the half line it left behind", async () => {
  await withFolder(async (folder) => {
    assert.deepEqual(await readMetrics(folder, 100), [], "before the first line");
    const metrics = [50, 100, 150].map(metricAt);
    for (const metric of metrics) await appendMetric(folder, metric);
    const whole = JSON.stringify(metricAt(200));
    const path = join(folder, "metrics.jsonl");
    const lines = await Deno.readTextFile(path);
    for (const end of [1, 10, whole.length - 1]) {
      await Deno.writeTextFile(path, lines + whole.slice(0, end));
      assert.deepEqual(await readMetrics(folder, 1000), metrics);
    }
    assert.deepEqual(await readMetrics(folder, 100), metrics.slice(0, 2));
    await writeMetrics(folder, await readMetrics(folder, 100));
    await appendMetric(folder, metrics[2]);
    assert.equal(await Deno.readTextFile(path), lines);
  });
});

const file: PretrainFile = {
  kind: "hafl-pretrain",
  config: readConfig({ corpus: "a.txt,b.jsonl.gz", tokenizer: "t" }),
  corpus: { documents: 10, trainTokens: 900, validationTokens: 100 },
  started: new Date(0).toISOString(),
  versions: { hafl: "0.1.0" },
  device: "CPU",
};

Deno.test("readPretrainFile() reads what writePretrainFile() wrote", async () => {
  await withFolder(async (folder) => {
    await writePretrainFile(folder, file);
    assert.deepEqual(await readPretrainFile(folder), file);
  });
});

Deno.test("readPretrainFile() refuses a folder without one, and one that it did not write", async () => {
  await withFolder(async (folder) => {
    const refused = (message: RegExp) =>
      assert.rejects(
        readPretrainFile(folder),
        (error) => error instanceof UserError && message.test(error.message),
      );
    await refused(/no pretraining that has begun/);
    const { tokens: _, ...config } = file.config;
    const others = [
      null,
      [],
      {},
      { ...file, kind: "hafl-run" },
      { ...file, corpus: {} },
      { ...file, config },
      { ...file, config: { ...file.config, heads: "4" } },
      { ...file, config: { ...file.config, seed: -0.5 } },
    ];
    for (const other of others) {
      await Deno.writeTextFile(join(folder, "pretrain.json"), JSON.stringify(other));
      await refused(/not written by this program/);
    }
    await Deno.writeTextFile(join(folder, "pretrain.json"), '{"kind":');
    await refused(/not valid JSON/);
  });
});

Deno.test("checkNewFolder() takes an empty folder and the remains of one that never began", async () => {
  await withFolder(async (folder) => {
    await checkNewFolder(join(folder, "absent"), "t");
    await checkNewFolder(folder, "t");
    await Deno.mkdir(join(folder, "tokenizer"));
    const remains = ["run.lock", "train.tokens", "validation.tokens.partial", "metrics.jsonl"]
      .concat("checkpoint.safetensors", "pretrain.json.0f.partial");
    for (const name of remains) await Deno.writeTextFile(join(folder, name), "");
    await checkNewFolder(folder, "t");
    await Deno.writeTextFile(join(folder, "notes.txt"), "");
    await assert.rejects(checkNewFolder(folder, "t"), /other files \("notes\.txt"\)/);
    await writePretrainFile(folder, file);
    await assert.rejects(checkNewFolder(folder, "t"), /use --resume .* to continue/);
    await assert.rejects(checkNewFolder(join(folder, "notes.txt"), "t"), UserError);
  });
});

Deno.test("checkNewFolder() refuses the folder of the tokenizer that is read, which would be replaced", async () => {
  await withFolder(async (folder) => {
    const tokenizer = `${folder}/./tokenizer/`;
    await Deno.mkdir(tokenizer);
    await assert.rejects(checkNewFolder(folder, tokenizer), /would replace the tokenizer/);
  });
});

Deno.test("removeUnfinished() removes the halves that a killed process left, and nothing else", async () => {
  await withFolder(async (folder) => {
    await removeUnfinished(folder);
    await Deno.mkdir(join(folder, "model"));
    for (const part of ["train.tokens", "checkpoint.safetensors.1.partial", "model/a.2.partial"]) {
      await Deno.writeTextFile(join(folder, part), "half");
    }
    await removeUnfinished(folder);
    const left = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assert.deepEqual(left.sort(), ["model", "train.tokens"]);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(join(folder, "model"))), []);
  });
});
