/** The task itself, on its shortest contest, and what it may load. */

import assert from "node:assert/strict";
import type { Results } from "../../bench/harness/task.ts";
import { withFolder } from "../temp_folder.ts";

const root = new URL("../../", import.meta.url);

async function deno(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: root, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the benchmark prints a table and writes the machine and every repetition", async () => {
  await withFolder(async (folder) => {
    const out = `${folder}/results.json`;
    const flags = ["--only", "cpu matmul", "--repetitions", "2", "--threads", "1", "--out", out];
    const text = await deno("run", "-A", "--no-lock", "bench/main.ts", ...flags);
    assert.match(text, /\| CPU: matmul 1024³ +\| +[\d.,]+ \| +[\d.,]+ \| GFLOP\/s \|/);
    const results = JSON.parse(await Deno.readTextFile(out)) as Results;
    assert.equal(results.machine.deno, Deno.version.deno);
    assert.equal(results.threads, 1);
    const { ours } = results.contests["cpu matmul"];
    assert.ok("repetitions" in ours);
    assert.deepEqual(ours.repetitions.map(({ seconds }) => seconds > 0), [true, true]);
    const row = results.rows.find(({ what }) => what === "CPU: matmul 1024³")!;
    assert.ok(row.ours! > 0 && row.peer!.ratio! > 0, JSON.stringify(row));
  });
});

Deno.test("both tasks answer a mistake with one line, before they measure", async () => {
  const refused = async (task: string, flags: readonly string[], expected: RegExp) => {
    const args = ["run", "-A", "--no-lock", task, ...flags];
    const command = new Deno.Command(Deno.execPath(), { args, cwd: root, env: { NO_COLOR: "1" } });
    const { code, stderr } = await command.output();
    assert.equal(code, 2);
    assert.match(new TextDecoder().decode(stderr), expected);
  };
  const [ours, peers] = ["bench/main.ts", "bench/peers/main.ts"];
  await refused(
    ours,
    ["--only", "tpu"],
    /^error: Cannot measure "tpu": expected part of one of cpu matmul, .*\n$/,
  );
  await refused(
    ours,
    ["--out", "absent/a.json"],
    /^error: Cannot write "absent\/a\.json": .*\n$/,
  );
  await refused(ours, ["--python", "python3"], /^error: Unknown option '--python': .*\n$/);
  await refused(peers, ["--python", "absent"], /^error: Cannot use --python absent: .*\n$/);
});

Deno.test("both tasks tell their flags", async () => {
  for (const entry of ["bench/main.ts", "bench/peers/main.ts"]) {
    const help = await deno("run", "-A", "--no-lock", entry, "--help");
    assert.match(help, /--only PART/);
    assert.equal(help.includes("--python"), entry.includes("peers"));
  }
});

Deno.test("a LoRA step and a pretraining step can be measured", async () => {
  for (const program of ["lora_step.ts", "pretrain_step.ts"]) {
    const path = `bench/programs/${program}`;
    const flags = ["--shape", "small", "--size", "1", "--repetitions", "1"];
    const lines = (await deno("run", "-A", "--no-lock", path, ...flags)).trim().split("\n");
    const [{ facts }, { seconds, loss }] = lines.map((line) => JSON.parse(line));
    assert.deepEqual([lines.length, facts.B, facts.T], [2, 1, 128], program);
    assert.ok(seconds > 0 && Number.isFinite(loss), program);
  }
});

Deno.test("both tasks load no package", async () => {
  const entries = ["bench/main.ts", "bench/peers/main.ts"];
  for (const { name } of Deno.readDirSync(new URL("bench/programs/", root))) {
    entries.push(`bench/programs/${name}`);
  }
  for (const entry of entries) {
    const { modules } = JSON.parse(await deno("info", "--json", "--no-lock", entry)) as {
      modules: { specifier: string }[];
    };
    assert.ok(modules.length > 5, `${entry}: deno info found its imports`);
    // Every module of the project is said to import deno.json's types; only a type check loads them.
    const packages = modules.map(({ specifier }) => specifier).filter((name) =>
      /^(npm|jsr|https?):/.test(name) && !name.includes("@webgpu/types")
    );
    assert.deepEqual(packages, [], entry);
  }
});
