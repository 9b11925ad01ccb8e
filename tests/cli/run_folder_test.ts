import assert from "node:assert/strict";
import { join } from "node:path";
import {
  appendRecord,
  checkRunFolder,
  createRunFolder,
  cutRecords,
  readRun,
  RunExistsError,
  type RunFile,
  RunFolderError,
  writeCheckpoint,
  writeRunFile,
} from "../../src/cli/run_folder.ts";
import { writeAtomically } from "../../src/cli/write_atomically.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { sampleRun } from "./sample_run.ts";

const { config, facts, records } = sampleRun({
  rounds: 3,
  layers: 1,
  projections: ["q_proj"],
  labels: ["no", "yes"],
  given: {},
});
const run: RunFile = {
  kind: "hafl-run",
  config,
  facts,
  versions: {},
  device: { kind: "cpu", description: "a processor", threads: 2 },
  hashes: { model: "m", tokenizer: "t", data: "d" },
};

/** A run that has done `rounds` rounds. */
async function savedRun(rounds: number): Promise<string> {
  const path = join(await Deno.makeTempDir(), "run");
  await createRunFolder(path, { overwrite: false });
  await writeRunFile(path, run);
  for (let round = 1; round <= rounds; round++) {
    await appendRecord(path, records[round - 1]);
    const files = new Map([["bank.safetensors", new Uint8Array([round])]]);
    await writeCheckpoint(path, { round, files });
  }
  return path;
}

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map((entry) => entry.name).sort();
}

Deno.test("createRunFolder() makes nested folders and accepts an empty one", async () => {
  const path = join(await Deno.makeTempDir(), "a/b");
  await createRunFolder(path, { overwrite: false });
  await createRunFolder(path, { overwrite: false });
  assert.deepEqual(await names(path), []);
});

Deno.test("createRunFolder() refuses a folder that holds a run and leaves it as it was", async () => {
  const path = await savedRun(1);
  const before = await names(path);
  await assert.rejects(createRunFolder(path, { overwrite: false }), (error) => {
    assert.ok(error instanceof RunExistsError && error instanceof UserError);
    assert.match(error.message, /--resume .* or --overwrite/);
    return true;
  });
  assert.deepEqual(await names(path), before);
});

Deno.test("createRunFolder() with overwrite removes the run but no other file", async () => {
  const path = await savedRun(2);
  await Deno.writeTextFile(join(path, "my notes.txt"), "keep");
  await createRunFolder(path, { overwrite: true });
  assert.deepEqual(await names(path), ["my notes.txt"]);
});

Deno.test("createRunFolder() never touches a folder that is not a run", async () => {
  const path = await Deno.makeTempDir();
  await Deno.writeTextFile(join(path, "thesis.tex"), "years of work");
  for (const overwrite of [false, true]) {
    await assert.rejects(createRunFolder(path, { overwrite }), RunFolderError);
  }
  await Deno.writeTextFile(join(path, "run.json"), '{ "name": "of another program" }');
  for (const overwrite of [false, true]) {
    await assert.rejects(createRunFolder(path, { overwrite }), /not written by this program/);
  }
  assert.deepEqual(await names(path), ["run.json", "thesis.tex"]);
});

Deno.test("checkRunFolder() refuses a file and writes nothing", async () => {
  const file = await Deno.makeTempFile();
  await assert.rejects(checkRunFolder(file, { overwrite: true }), UserError);
  const missing = join(await Deno.makeTempDir(), "new");
  await checkRunFolder(missing, { overwrite: false });
  await assert.rejects(Deno.stat(missing), Deno.errors.NotFound);
});

Deno.test("writeAtomically() replaces a file and leaves no temporary one", async () => {
  const folder = await Deno.makeTempDir();
  await writeAtomically(join(folder, "adapter/file"), "a longer first text");
  await writeAtomically(join(folder, "adapter/file"), new Uint8Array([104, 105]));
  assert.equal(await Deno.readTextFile(join(folder, "adapter/file")), "hi");
  assert.deepEqual(await names(join(folder, "adapter")), ["file"]);
});

Deno.test("readRun() gives back what was written", async () => {
  const saved = await readRun(await savedRun(3));
  assert.deepEqual(saved.run, run);
  assert.deepEqual(saved.records, records);
  assert.equal(saved.checkpoint.round, 3);
  assert.deepEqual(saved.checkpoint.files.get("bank.safetensors"), new Uint8Array([3]));
});

Deno.test("readRun() takes a run of a version without a setting for what it was", async () => {
  const path = await savedRun(1);
  const { task: _, accumulate: __, ...config } = run.config;
  await Deno.writeTextFile(join(path, "run.json"), JSON.stringify({ ...run, config }));
  assert.deepEqual((await readRun(path)).run.config, run.config);
  const { lr: ___, ...lost } = run.config;
  await Deno.writeTextFile(join(path, "run.json"), JSON.stringify({ ...run, config: lost }));
  await assert.rejects(readRun(path), /run\.json was not written by this program/);
});

Deno.test("writeCheckpoint() keeps only the latest", async () => {
  const path = await savedRun(3);
  assert.deepEqual(await names(join(path, "checkpoint")), ["round-000003"]);
});

Deno.test("readRun() ignores a checkpoint that was not finished", async () => {
  const path = await savedRun(2);
  await Deno.mkdir(join(path, "checkpoint/round-000003.partial"));
  assert.equal((await readRun(path)).checkpoint.round, 2);
  await appendRecord(path, records[2]);
  await writeCheckpoint(path, { round: 3, files: new Map([["bank", new Uint8Array(1)]]) });
  assert.deepEqual(await names(join(path, "checkpoint")), ["round-000003"]);
});

Deno.test("cutRecords() cuts the lines after the checkpoint, half a line among them", async () => {
  const path = await savedRun(2);
  const metrics = join(path, "metrics.jsonl");
  const before = await Deno.readTextFile(metrics);
  await appendRecord(path, records[2]);
  await Deno.writeTextFile(metrics, '{"round":4,"accu', { append: true });
  const saved = await readRun(path);
  assert.equal(saved.records.length, 2);
  assert.notEqual(await Deno.readTextFile(metrics), before, "reading changes nothing");
  await cutRecords(path, saved.records);
  assert.equal(await Deno.readTextFile(metrics), before);
});

Deno.test("readRun() names what is missing or broken", async () => {
  const missing = join(await Deno.makeTempDir(), "none");
  await assert.rejects(readRun(missing), /it has no run\.json/);

  const broken = await savedRun(1);
  await Deno.writeTextFile(join(broken, "run.json"), '{ "kind": ');
  await assert.rejects(readRun(broken), /run\.json is not valid JSON/);

  await assert.rejects(readRun(await savedRun(0)), /it has no checkpoint/);

  const lost = await savedRun(2);
  await Deno.writeTextFile(join(lost, "metrics.jsonl"), JSON.stringify(records[0]) + "\n");
  await assert.rejects(readRun(lost), /line 2 of metrics\.jsonl is not the record of round 2/);
});
