import assert from "node:assert/strict";
import { join } from "node:path";
import { namesIn } from "../../src/cli/working_folder.ts";
import { drawAttendants, fullAttendance } from "../../src/federated/attendance.ts";
import type { RunConfig } from "../../src/federated/run_config.ts";
import { type ImportedAdapter, importPeft } from "../../src/lora/peft_import.ts";
import { deltaWeight } from "../../src/protocol/components.ts";
import { decodeSafetensors } from "../../src/protocol/safetensors.ts";
import { type Ended, root, runCli, tiny } from "./command.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-train-test-" });
const cache = `--cache-dir=${join(folder, "cache")}`;
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const train = (...args: string[]) => runCli("train", [cache, ...args]);

async function bytesOf(run: string, path: string): Promise<string> {
  return (await Deno.readFile(join(folder, run, path))).toHex();
}

Deno.test("train writes a run: settings, a line a round, adapter, report, checkpoint", async () => {
  const { code, out, err } = await train(...tiny, `--out=${join(folder, "whole")}`);
  assert.equal(code, 0, err);
  assert.match(out, /round 1\/2 .*\n.*round 2\/2 /);

  const run = JSON.parse(await Deno.readTextFile(join(folder, "whole", "run.json")));
  assert.equal(run.config.seqLen, 16);
  assert.equal(run.device.kind, "cpu");
  const lines = (await Deno.readTextFile(join(folder, "whole", "metrics.jsonl"))).trim().split(
    "\n",
  );
  assert.deepEqual(lines.map((line) => JSON.parse(line).round), [1, 2]);
  const config = JSON.parse(
    await Deno.readTextFile(join(folder, "whole", "adapter", "adapter_config.json")),
  );
  assert.deepEqual([config.peft_type, config.r, config.lora_alpha], ["LORA", 8, 8]);
  const { tensors } = decodeSafetensors(
    await Deno.readFile(join(folder, "whole", "adapter", "adapter_model.safetensors")),
  );
  assert.equal(tensors.size, 2 * 16 + 2, "two matrices for each of 16 modules, and the head");
  const report = await Deno.readTextFile(join(folder, "whole", "report.html"));
  assert.doesNotMatch(report, /(src|href)="https?:/, "the report must not need a network");
});

Deno.test("train writes a compact adapter that is the uniform one without what does nothing, and names its base", async () => {
  const given = [...tiny, "--clients=2", "--ranks=1,2", "--rank=8", "--warmup-rounds=0"];
  const [compact, uniform] = await Promise.all(["compact", "uniform"].map(async (layout) => {
    const out = join(folder, layout);
    const { code, err } = await train(...given, `--adapter-layout=${layout}`, `--out=${out}`);
    assert.equal(code, 0, err);
    return importPeft({
      "adapter_config.json": await Deno.readTextFile(join(out, "adapter/adapter_config.json")),
      "adapter_model.safetensors": await Deno.readFile(
        join(out, "adapter/adapter_model.safetensors"),
      ),
    });
  }));
  assert.equal(uniform.rank, 8);
  assert.ok(compact.rank <= 6, "two rounds of two clients of rank 1 and 2");
  const deltas = ({ modules }: ImportedAdapter) => modules.map((one) => deltaWeight(one, 1));
  assert.deepEqual(deltas(compact), deltas(uniform));
  assert.deepEqual(compact.head, uniform.head);
});

Deno.test("train resumes to the same bytes as an uninterrupted run, with other threads", async () => {
  const [whole, first] = await Promise.all([
    train(...tiny, "--rounds=3", `--out=${join(folder, "three")}`),
    train(...tiny, "--rounds=1", `--out=${join(folder, "part")}`),
  ]);
  assert.deepEqual([whole.code, first.code], [0, 0], whole.err + first.err);
  const resumed = await train(`--resume=${join(folder, "part")}`, "--rounds=3", "--threads=2");
  assert.equal(resumed.code, 0, resumed.err);
  for (
    const path of ["adapter/adapter_model.safetensors", "checkpoint/round-000003/bank.safetensors"]
  ) {
    assert.equal(await bytesOf("part", path), await bytesOf("three", path), path);
  }
});

Deno.test("train resumes what clients remember, what is late and the server's moments to the same bytes", async () => {
  const given = [
    ...["--clients=6", "--ranks=1,2", "--rank-by=client", "--optimizer-state=keep"],
    ...["--participation=0.7", "--dropouts=0.1", "--stragglers=0.4", "--warmup-rounds=1"],
    ...["--server-optimizer=adam", "--server-lr=0.01", "--seed=3"],
  ];
  const [whole, first] = await Promise.all([
    train(...tiny, ...given, "--rounds=4", `--out=${join(folder, "moody")}`),
    train(...tiny, ...given, "--rounds=2", `--out=${join(folder, "moody-part")}`),
  ]);
  assert.deepEqual([whole.code, first.code], [0, 0], whole.err + first.err);
  assert.match(whole.out, /4 sampled a round, 10\.0 % of them vanish, 40\.0 % of updates come/);
  // Of a round that was killed in its midst.
  const left = join(folder, "moody-part", "clients", "client-000001-round-000009.safetensors");
  await Deno.writeTextFile(left, "half");
  const resumed = await train(`--resume=${join(folder, "moody-part")}`, "--rounds=4");
  assert.equal(resumed.code, 0, resumed.err);
  const namesOf = (run: string, path: string) => namesIn(join(folder, run, path));
  const remembered = await namesOf("moody", "clients");
  assert.ok(remembered.length >= 3, `${remembered}`);
  assert.equal(new Set(remembered.map((name) => name.slice(0, 13))).size, remembered.length);
  const checkpoint = "checkpoint/round-000004";
  const saved = await namesOf("moody", checkpoint);
  assert.ok(saved.includes("moments.safetensors"), `${saved}`);
  for (const path of ["clients", checkpoint]) {
    assert.deepEqual(await namesOf("moody-part", path), await namesOf("moody", path));
    for (const name of await namesOf("moody", path)) {
      const file = `${path}/${name}`;
      assert.equal(await bytesOf("moody-part", file), await bytesOf("moody", file), file);
    }
  }
  const attendance = (await Deno.readTextFile(join(folder, "moody", "metrics.jsonl"))).trim()
    .split("\n").map((line) => JSON.parse(line).attendance);
  assert.ok(
    attendance.some(({ late }) => late > 0) && attendance.some(({ arrived }) => arrived > 0),
  );

  const again = await train(...tiny, "--overwrite", `--out=${join(folder, "moody")}`);
  assert.equal(again.code, 0, again.err);
  await assert.rejects(Deno.stat(join(folder, "moody", "clients")), Deno.errors.NotFound);
});

Deno.test("train --format json prints one JSON object a line", async () => {
  const { code, out, err } = await train(...tiny, "--format=json", `--out=${join(folder, "json")}`);
  assert.equal(code, 0, err);
  const types = out.trim().split("\n").map((line) => JSON.parse(line).type);
  assert.equal(types.filter((type) => type === "round").length, 2);
  assert.ok(types.includes("done"));
});

Deno.test("train on WebGPU without an adapter says what to install", async () => {
  const { code, err } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-lock",
      "-A",
      `${root}src/cli/train.ts`,
      cache,
      ...tiny,
      "--device=webgpu",
      `--out=${join(folder, "gpu")}`,
    ],
    // A backend that this platform lacks: no adapter can answer.
    env: { NO_COLOR: "1", DENO_WEBGPU_BACKEND: Deno.build.os === "darwin" ? "vulkan" : "metal" },
  }).output().then(({ code, stderr }) => ({ code, err: new TextDecoder().decode(stderr) }));
  assert.equal(code, 2, err);
  assert.match(err, /mesa-vulkan-drivers/);
});

Deno.test("train --profile tells where the time went, and changes nothing else", async () => {
  const [plain, watched] = await Promise.all([
    train(...tiny, `--out=${join(folder, "plain")}`),
    train(...tiny, "--profile", "--format=json", `--out=${join(folder, "watched")}`),
  ]);
  assert.deepEqual([plain.code, watched.code], [0, 0], plain.err + watched.err);
  for (
    const path of ["adapter/adapter_model.safetensors", "checkpoint/round-000002/bank.safetensors"]
  ) {
    assert.equal(await bytesOf("plain", path), await bytesOf("watched", path), path);
  }
  const configOf = async (run: string): Promise<RunConfig> =>
    JSON.parse(await Deno.readTextFile(join(folder, run, "run.json"))).config;
  const { out, format } = await configOf("plain");
  assert.deepEqual({ ...await configOf("watched"), out, format }, await configOf("plain"));

  const events = watched.out.trim().split("\n").map((line) => JSON.parse(line));
  const { type, ...profile } = events[events.length - 1];
  assert.equal(type, "profile");
  const written = JSON.parse(await Deno.readTextFile(join(folder, "watched", "profile.json")));
  assert.deepEqual(written, profile);
  const programs: { program: string; runs: number }[] = profile.programs;
  const steps = programs.filter(({ program }) => program.startsWith("train"))
    .reduce((sum, { runs }) => sum + runs, 0);
  assert.equal(steps, 2 * 3 * 2, "rounds, clients, steps");

  const resumed = await train(`--resume=${join(folder, "plain")}`, "--rounds=3", "--profile");
  assert.equal(resumed.code, 0, resumed.err);
  assert.match(resumed.out, /^kernel +calls +seconds +share/m);
  const again = await train(...tiny, "--overwrite", `--out=${join(folder, "watched")}`);
  assert.equal(again.code, 0, again.err);
  await assert.rejects(Deno.stat(join(folder, "watched", "profile.json")), Deno.errors.NotFound);
});

/** A user's mistake: one line on stderr that matches, exit code 2, and no run folder. */
async function mistake(args: readonly string[], expected: RegExp): Promise<void> {
  const out = join(folder, "never");
  const { code, err }: Ended = await train(...tiny, `--out=${out}`, ...args);
  assert.equal(code, 2, `${args}: ${err}`);
  assert.equal(err.trim().split("\n").length, 1, err);
  assert.match(err, expected);
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
}

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await (typeof content === "string"
    ? Deno.writeTextFile(path, content)
    : Deno.writeFile(path, content));
  return path;
}

const golden = join(root, "tests", "golden", "llama");

Deno.test("train refuses bad settings in one line", async () => {
  await Promise.all([
    mistake(["--rnak=4"], /rnak/),
    mistake(["--ranks=0,2"], /ranks/),
    mistake(["--ranks=-1"], /ranks/),
    mistake(["--ranks=4,16", "--rank=8"], /rank 16/),
    mistake(["--method=drop"], /freeze, truncate, full/),
    mistake(["--targets=nothing_like_it"], /no module matches/),
    mistake(["--clients=100000"], /clients/i),
    mistake(["--seq-len=100000"], /seq-len/),
    mistake(["--seq-len=2", "--buckets=2"], /special tokens/),
    mistake(["--strip=headers"], /--strip without --data/),
    mistake(["--temperature=2"], /^error: Cannot use --temperature with --selection greedy: /),
    mistake(["--threads=100000"], /threads/),
    mistake(["--threads=0"], /threads.*at least 1/),
    mistake(["--batch=4000000"], /Cannot use --batch 4000000: expected at most 524288, .* 4 GiB/),
  ]);
});

Deno.test("train refuses bad data in one line", async () => {
  const row = (text: unknown, label: unknown) => JSON.stringify({ text, label }) + "\n";
  const good = row("one", "a") + row("two", "b");
  await Promise.all([
    mistake([`--data=${join(folder, "absent.jsonl")}`], /no such file/),
    mistake([`--data=${folder}`], /expected a file, got a folder/),
    mistake([`--data=${await write("empty.jsonl", "")}`], /at least one row/),
    mistake([`--data=${await write("broken.jsonl", good + "{")}`], /line 3/),
    mistake([`--data=${await write("no_text.jsonl", good + row(undefined, "a"))}`], /line 3/),
    mistake([`--data=${await write("no_label.jsonl", good + row("three", null))}`], /line 3/),
    mistake([`--data=${await write("other.jsonl", good)}`, "--labels=a,c"], /"b"/),
  ]);
});

Deno.test("train refuses bad model folders in one line", async () => {
  const config = await Deno.readTextFile(join(golden, "config.json"));
  const weights = await Deno.readFile(join(golden, "model.safetensors"));
  const model = async (name: string, files: Record<string, string | Uint8Array>) => {
    await Deno.mkdir(join(folder, name), { recursive: true });
    for (const [file, content] of Object.entries(files)) await write(join(name, file), content);
    return `--model=${join(folder, name)}`;
  };
  const longHeader = weights.slice();
  new DataView(longHeader.buffer).setBigUint64(0, 2n ** 40n, true);
  const wide = config.replace(/"hidden_size": *\d+/, '"hidden_size": 64');
  await Promise.all([
    mistake([`--model=${join(folder, "absent")}`], /absent/),
    mistake([await model("no_config", { "model.safetensors": weights })], /config\.json/),
    mistake([await model("no_weights", { "config.json": config })], /model\.safetensors/),
    mistake([
      await model("cut", { "config.json": config, "model.safetensors": weights.slice(0, -9) }),
    ], /model\.safetensors/),
    mistake(
      [await model("header", { "config.json": config, "model.safetensors": longHeader })],
      /header/,
    ),
    mistake(
      [await model("no_tokenizer", { "config.json": config, "model.safetensors": weights })],
      /tokenizer\.json/,
    ),
    mistake([
      await model("other", {
        "config.json": '{"model_type":"mamba"}',
        "model.safetensors": weights,
      }),
    ], /mamba/),
    mistake([
      await model("wide", {
        "config.json": wide,
        "model.safetensors": weights,
        "tokenizer.json": await Deno.readTextFile(join(root, "base", "tokenizer.json")),
      }),
      "--seq-len=16",
    ], /expected shape/),
  ]);
});

Deno.test("train keeps an existing run unless told otherwise", async () => {
  const out = `--out=${join(folder, "kept")}`;
  assert.equal((await train(...tiny, "--rounds=1", out)).code, 0);
  const before = await bytesOf("kept", "metrics.jsonl");
  const again = await train(...tiny, "--rounds=1", out);
  assert.equal(again.code, 2);
  assert.match(again.err, /--resume .* or --overwrite/);
  // A mistake found later must not cost the old run either.
  const bad = await train(...tiny, "--overwrite", "--targets=nothing", out);
  assert.equal(bad.code, 2);
  assert.equal(await bytesOf("kept", "metrics.jsonl"), before);
});

Deno.test("train --resume refuses what is damaged or does not fit, and changes nothing", async () => {
  const run = join(folder, "damaged");
  assert.equal((await train(...tiny, "--rounds=2", `--out=${run}`)).code, 0);
  const metrics = await bytesOf("damaged", "metrics.jsonl");
  const refused = async (args: readonly string[], expected: RegExp) => {
    const { code, err } = await train(`--resume=${run}`, ...args);
    assert.equal(code, 2, err);
    assert.equal(err.trim().split("\n").length, 1, err);
    assert.match(err, expected);
    assert.equal(await bytesOf("damaged", "metrics.jsonl"), metrics);
  };
  await refused(["--rounds=1"], /the run has done 2 already/);
  await refused(["--lr=1"], /Cannot change --lr/);
  const state = join(run, "checkpoint", "round-000002", "state.json");
  await Deno.writeTextFile(state, '{"rounds": 2');
  await refused(["--rounds=3"], /state.json.* damaged/);
  const saved = JSON.parse(await Deno.readTextFile(join(run, "run.json")));
  await Deno.writeTextFile(join(run, "run.json"), JSON.stringify({ ...saved, config: {} }));
  await refused(["--rounds=3"], /not written by this program/);
});

/** Runs `deno task train`, with Ctrl-C once it has said something. */
async function interrupted(
  flags: readonly string[],
  said: string,
): Promise<{ code: number; err: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "-A", `${root}src/cli/train.ts`, cache, ...flags],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const out = command.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(said)) {
    const { value, done } = await out.read();
    assert.ok(!done, text);
    text += value;
  }
  command.kill("SIGINT");
  while (!(await out.read()).done);
  const err = (await new Response(command.stderr).text()).trim();
  const { code } = await command.status;
  return { code, err };
}

Deno.test("train ends at Ctrl-C with the command that continues, and resumes to the same bytes", async () => {
  const whole = join(folder, "uninterrupted"), part = join(folder, "interrupted");
  const flags = [...tiny, "--rounds=4", "--local-steps=8"];
  const { code, err: stopped } = await interrupted([...flags, `--out=${part}`], "round 1/4");
  // A fast machine may have ended the run before the signal came.
  if (code !== 0) {
    assert.equal(code, 130, stopped);
    assert.match(stopped, /^Stopped after round \d; continue with: deno task train --resume /);
  }
  assert.equal((await train(`--resume=${part}`)).code, 0);
  assert.equal((await train(...flags, `--out=${whole}`)).code, 0);
  const adapter = "adapter/adapter_model.safetensors";
  assert.equal(await bytesOf("interrupted", adapter), await bytesOf("uninterrupted", adapter));
});

Deno.test("train hears Ctrl-C in the middle of an evaluation", async () => {
  const out = join(folder, "evaluating");
  // A second round that is nothing but the evaluation of what its client, which vanishes, is dealt: no step hears the signal either.
  const dropouts = 0.5;
  const attendance = { ...fullAttendance, dropouts };
  const fateOf = (seed: number, round: number) =>
    drawAttendants(attendance, { clients: 1, busy: [], seed, round })[0].fate;
  let seed = 0;
  while (fateOf(seed, 0) !== "answers" || fateOf(seed, 1) !== "vanishes") seed++;
  const flags = [`--seed=${seed}`, `--dropouts=${dropouts}`, "--method=ITZLoRA", "--rank=8"];
  const sizes = ["--clients=1", "--ranks=1", "--validation=1000", "--eval-batch=1"];
  const { code, err } = await interrupted(
    [...tiny, ...flags, ...sizes, "--rounds=3", `--out=${out}`],
    "round 1/3",
  );
  assert.equal(code, 130, err);
  assert.match(err, /^Stopped after round 1; continue with: deno task train --resume /);
});

Deno.test("train stops when the loss diverges, naming round, client, step and checkpoint", async () => {
  const out = `--out=${join(folder, "diverged")}`;
  const { code, err } = await train(
    ...tiny,
    "--lr=1e30",
    "--head-lr=1e30",
    "--clip-norm=0",
    "--optimizer=sgd",
    out,
  );
  assert.equal(code, 2, err);
  assert.match(
    err,
    /loss became .* at step \d+ of client \d+ in round \d+; start a new run .* --clip-norm.*(checkpoint|no round had ended)/,
  );
});
