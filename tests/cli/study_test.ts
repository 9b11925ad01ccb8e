import assert from "node:assert/strict";
import { join } from "node:path";
import { lockFolder } from "../../src/cli/working_folder.ts";
import { readLines } from "../../src/cli/study/lines.ts";
import { root } from "./command.ts";
import { type StudyFolder, studyFolder, tinySettings, tinyStudy } from "./study_support.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-study-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** A result without what the clock decides. */
function timeless(run: Record<string, unknown>): unknown {
  return JSON.parse(
    JSON.stringify(
      run,
      (key, value) => ["seconds", "tokensPerSecond", "started"].includes(key) ? undefined : value,
    ),
  );
}

/** The lines that tell of runs. */
function runLines(out: string): string[] {
  return out.split("\n").filter((line) => /^ *\d+\/\d+ /.test(line));
}

async function filesUnder(path: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    const inner = join(path, name);
    if (isDirectory) files.push(...await filesUnder(inner));
    else files.push(inner);
  }
  return files.sort();
}

/** The results of the study as it is, made once for the tests that go on from them. */
let made: Promise<StudyFolder> | undefined;
function finishedStudy(): Promise<StudyFolder> {
  return made ??= (async () => {
    const study = await studyFolder(folder, "made");
    const { code, out, err } = await study.run();
    assert.equal(code, 0, err);
    assert.equal(runLines(out).length, 4, out);
    return study;
  })();
}

/** A folder with the finished study's results, to change. */
async function copyOf(name: string): Promise<StudyFolder> {
  const { out } = await finishedStudy();
  const study = await studyFolder(folder, name);
  for (const file of await filesUnder(out)) {
    const copy = join(study.out, file.slice(out.length + 1));
    await Deno.mkdir(join(copy, ".."), { recursive: true });
    await Deno.copyFile(file, copy);
  }
  return study;
}

Deno.test("study keeps every run with its settings and rounds, and nothing of the machine's paths", async () => {
  const study = await finishedStudy();
  const run = await study.read("runs/iid/IFALoRA/seed-2.json");
  assert.deepEqual(
    [run.kind, run.cell, run.method, run.seed, "trial" in run],
    ["hafl-study-run-1", "iid", "IFALoRA", 2, false],
  );
  assert.deepEqual(
    [run.config.data, run.config.seqLen, run.config.aggregation, run.config.seed],
    ["posts.jsonl", 16, "adaptive", 2],
  );
  assert.deepEqual(run.rounds.map(({ round }: { round: number }) => round), [1, 2]);
  assert.equal("scores" in run.rounds[0] || "selected" in run.rounds[0], false);
  assert.equal(run.summary.final.accuracy, run.rounds[1].accuracy);
  assert.equal(run.summary.test.rows, 15);
  assert.deepEqual(run.facts.labels, ["money", "sport", "weather"]);
  assert.match(run.data, /^[0-9a-f]{64}$/);
  assert.match(run.model, /^[0-9a-f]{64}$/);
  for (const file of await filesUnder(study.out)) {
    const text = await Deno.readTextFile(file);
    assert.equal(text.includes(folder), false, `${file} tells where it was made`);
  }
});

Deno.test("study leaves results, a report and its lock behind, and nothing half written", async () => {
  const { out } = await finishedStudy();
  const names = (await filesUnder(out)).map((file) => file.slice(out.length + 1));
  for (const expected of ["study.json", "report.html", "runs/iid/ITZLoRA/seed-1.json"]) {
    assert.ok(names.includes(expected), expected);
  }
  assert.deepEqual(
    names.filter((name) => name.includes("partial") || name.includes("scratch")),
    [],
  );
});

Deno.test("study makes the same numbers with two runs at a time, of two threads, on used workers", async () => {
  const first = await finishedStudy();
  const second = await studyFolder(folder, "parallel");
  const { code, err } = await second.run("--jobs=2", "--threads=2");
  assert.equal(code, 0, err);
  for (const name of ["IFALoRA/seed-1", "IFALoRA/seed-2", "ITZLoRA/seed-1", "ITZLoRA/seed-2"]) {
    const [one, other] = [
      await first.read(`runs/iid/${name}.json`),
      await second.read(`runs/iid/${name}.json`),
    ].map(({ facts: { device: _, ...facts }, ...run }) => timeless({ ...run, facts }));
    assert.deepEqual(one, other, name);
  }
});

Deno.test("study makes no finished run again, and makes what is added", async () => {
  const study = await copyOf("added");
  const before = await study.read("runs/iid/IFALoRA/seed-1.json");
  const again = await study.run();
  assert.equal(again.code, 0, again.err);
  assert.deepEqual(runLines(again.out), []);

  await study.write({
    cells: { iid: { partition: "iid" }, skewed: { dirichletAlpha: 0.5 } },
    methods: { IFALoRA: {}, ITZLoRA: {}, random: {} },
    grid: [
      { cells: ["iid"], methods: ["random", "IFALoRA", "ITZLoRA"], seeds: [1, 2] },
      { cells: ["skewed"], methods: ["IFALoRA"], seeds: [3] },
    ],
    claims: [{ text: "Better", metric: "final", method: "IFALoRA", than: "random" }],
  });
  const listed = await study.run("--list");
  assert.match(listed.out, /^iid +random +2 +0 +0 +2$/m);
  assert.match(listed.out, /^all +7 +4 +0 +3$/m);
  const added = await study.run();
  assert.equal(added.code, 0, added.err);
  assert.deepEqual(
    runLines(added.out).map((line) => line.split(/ {2,}/).slice(0, 2).join(" ").trim()),
    ["5/7 random in iid, seed 1", "6/7 random in iid, seed 2", "7/7 IFALoRA in skewed, seed 3"],
  );
  assert.deepEqual(await study.read("runs/iid/IFALoRA/seed-1.json"), before);
});

Deno.test("study refuses results of other settings, other data or another study, by the file's name", async () => {
  const study = await copyOf("changed");
  const contents = async () =>
    await Promise.all(
      (await filesUnder(study.out)).map(async (file) => [file, await Deno.readTextFile(file)]),
    );
  const refused = async (message: RegExp, ...flags: string[]) => {
    const before = await contents();
    const { code, err } = await study.run(...flags);
    assert.equal(code, 2, err);
    assert.match(err, message);
    assert.deepEqual(await contents(), before);
  };
  await study.write({ settings: tinySettings({ rounds: 3 }) });
  await refused(/^error: Cannot use ".*seed-1\.json": it was run with rounds 2, now 3; /);
  await refused(
    /^error: Cannot report runs\/iid\/IFALoRA\/seed-1\.json: expected rounds 3/,
    "--report-only",
  );
  await study.write({ name: "Another" });
  await refused(/^error: Cannot use folder ".*" for study "Another": it holds study "Tiny"/);
  await study.write();
  await Deno.writeTextFile(join(study.path, "posts.jsonl"), "{}\n", { append: true });
  await refused(/^error: Cannot use ".*seed-1\.json": it was run with other data; /);
});

Deno.test("study refuses a result that is not whole, and a folder of other things", async () => {
  const study = await copyOf("torn");
  const file = join(study.out, "runs/iid/ITZLoRA/seed-2.json");
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.slice(0, text.length / 2));
  const torn = await study.run();
  assert.equal(torn.code, 2);
  assert.match(
    torn.err,
    /^error: Cannot read ".*ITZLoRA\/seed-2\.json" as the result of a run .*: it is not valid JSON/,
  );

  const { rounds, ...run } = JSON.parse(text);
  for (const broken of [{ ...run, rounds: [{}, null] }, { ...run, rounds, config: {} }]) {
    await Deno.writeTextFile(file, JSON.stringify(broken));
    for (const flags of [[], ["--report-only"], ["--list"]]) {
      const { code, err } = await study.run(...flags);
      assert.deepEqual([code, err.trim().split("\n").length], [2, 1], err);
      assert.match(
        err,
        /^error: Cannot read ".*seed-2\.json" .*: (rounds\[0\]|config)\.\w+: expected/,
      );
    }
  }

  await Deno.copyFile(join(study.out, "runs/iid/ITZLoRA/seed-1.json"), file);
  assert.match(
    (await study.run()).err,
    /seed-2\.json": it was run with another cell, method or seed/,
  );

  const other = await studyFolder(folder, "other");
  await Deno.mkdir(other.out);
  await Deno.writeTextFile(join(other.out, "letter.txt"), "Dear");
  const { code, err } = await other.run();
  assert.equal(code, 2);
  assert.match(err, /expected an empty one or a study's, got other files \("letter\.txt"\)/);
});

Deno.test("study leaves a folder alone in which another process works", async () => {
  const study = await studyFolder(folder, "locked");
  using _lock = await lockFolder(study.out);
  const { code, err } = await study.run();
  assert.equal(code, 2);
  assert.match(err, /another process is working in it/);
});

Deno.test("study tunes every method, keeps the choice and every score, and passes over what diverges", async () => {
  const study = await studyFolder(folder, "tuned");
  await study.write({
    ...tinyStudy,
    grid: [{ cells: ["iid"], methods: ["IFALoRA", "ITZLoRA"], seeds: [1] }],
    tuning: {
      cell: "iid",
      seed: 7,
      settings: { rounds: 1 },
      trials: [{ lr: 1e30, clipNorm: 0 }, { lr: 0.01 }],
    },
  });
  const { code, out, err } = await study.run();
  assert.equal(code, 0, err);
  const choices = await study.read("tuning/choices.json");
  for (const method of ["IFALoRA", "ITZLoRA"]) {
    const { chosen, trials } = choices.methods[method];
    assert.equal(chosen, 1);
    assert.deepEqual(trials[0], {
      settings: { lr: 1e30, clipNorm: 0 },
      accuracy: null,
      loss: null,
    });
    const trial = await study.read(`tuning/${method}/trial-1.json`);
    assert.deepEqual([trial.trial, trial.rounds.length, trial.summary.test], [1, 1, undefined]);
    assert.equal(trials[1].accuracy, trial.summary.final.accuracy);
    const failed = await study.read(`tuning/${method}/trial-0.json`);
    assert.match(failed.failed, /became (NaN|-?Infinity)/);
    assert.doesNotMatch(failed.failed, /--lr/);
    const run = await study.read(`runs/iid/${method}/seed-1.json`);
    assert.deepEqual([run.config.lr, run.config.rounds], [0.01, 2]);
  }
  assert.match(out, /^Tuned +IFALoRA: lr 0\.01 \(validation/m);
  assert.match(out, /^Failed +IFALoRA, trial 1 of the tuning: /m);
});

Deno.test("study keeps a diverged run as failed and goes on to the next", async () => {
  const study = await studyFolder(folder, "diverged");
  await study.write({
    methods: { wild: { method: "IFALoRA", lr: 1e30, clipNorm: 0 }, IFALoRA: {} },
    grid: [{ cells: ["iid"], methods: ["wild", "IFALoRA"], seeds: [1] }],
  });
  const { code, out, err } = await study.run();
  assert.equal(code, 0, err);
  assert.match(out, /^1\/2 +wild in iid, seed 1 +failed: .* became /m);
  assert.match(out, /^2\/2 +IFALoRA in iid, seed 1 +validation /m);
  const failed = await study.read("runs/iid/wild/seed-1.json");
  assert.equal(failed.kind, "hafl-study-run-1");
  assert.equal(failed.config.lr, 1e30);
  assert.match((await study.run("--list")).out, /^iid +wild +1 +0 +1 +0$/m);
});

/** Process ids of a process's children. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return text.trim().split(/\s+/).map(Number);
}

async function isAlive(pid: number): Promise<boolean> {
  const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  return state !== undefined && !/\) Z /.test(state);
}

/** Starts a study, and calls `act` with the ids of the study and its worker when its first run has ended. */
async function actAfterFirstRun(
  study: StudyFolder,
  act: (pid: number, worker: number) => Promise<void> | void,
): Promise<{ code: number; out: string; worker: number }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "-A", `${root}src/cli/study.ts`, ...study.args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const err = new Response(child.stderr).text();
  let out = "";
  let worker = 0;
  for await (const line of readLines(child.stdout)) {
    out += `${line}\n`;
    if (worker !== 0 || !line.startsWith("1/")) continue;
    [worker] = await childrenOf(child.pid);
    await act(child.pid, worker);
  }
  const { code } = await child.status;
  return { code, out: out + await err, worker };
}

// Children are looked up in /proc.
const linux = Deno.build.os === "linux";

Deno.test({
  name: "study ends at Ctrl-C with its workers, and goes on from there",
  ignore: !linux,
  async fn() {
    const study = await studyFolder(folder, "stopped");
    // The second run does not end before the signal comes.
    await study.write({
      methods: { IFALoRA: {}, endless: { method: "IFALoRA", rounds: 1_000_000 } },
      grid: [{ cells: ["iid"], methods: ["IFALoRA", "endless"], seeds: [1] }],
    });
    const { code, out, worker } = await actAfterFirstRun(
      study,
      (pid) => Deno.kill(pid, "SIGINT"),
    );
    assert.equal(code, 130, out);
    assert.match(out, /^Stopped; what is done is kept/m);
    assert.equal(await isAlive(worker), false);
    const names = (await filesUnder(study.out)).map((file) => file.slice(study.out.length + 1));
    assert.deepEqual(names, ["run.lock", "runs/iid/IFALoRA/seed-1.json", "study.json"]);

    await study.write();
    const { code: again, out: rest, err } = await study.run();
    assert.equal(again, 0, err);
    assert.match(runLines(rest)[0], /^2\/4 +ITZLoRA in iid, seed 1/);
    const whole = await finishedStudy();
    for (const path of ["runs/iid/IFALoRA/seed-1.json", "runs/iid/ITZLoRA/seed-2.json"]) {
      assert.deepEqual(timeless(await study.read(path)), timeless(await whole.read(path)), path);
    }
  },
});

Deno.test({
  name: "study outlives a worker that is killed, and makes its run again",
  ignore: !linux,
  async fn() {
    const study = await studyFolder(folder, "killed");
    await study.write({ settings: tinySettings({ rounds: 12 }) });
    const { code, out } = await actAfterFirstRun(study, async (_, worker) => {
      assert.ok(await isAlive(worker));
      Deno.kill(worker, "SIGKILL");
    });
    assert.equal(code, 0, out);
    assert.equal(runLines(out).length, 4);
    for (const name of ["IFALoRA/seed-1", "ITZLoRA/seed-1", "IFALoRA/seed-2", "ITZLoRA/seed-2"]) {
      assert.equal((await study.read(`runs/iid/${name}.json`)).rounds.length, 12, name);
    }
  },
});

Deno.test("study --report-only reports on what is done and makes no run", async () => {
  const study = await copyOf("reported");
  await Deno.remove(join(study.out, "report.html"));
  await Deno.remove(join(study.out, "runs/iid/ITZLoRA/seed-2.json"));
  const { code, out, err } = await study.run("--report-only");
  assert.equal(code, 0, err);
  assert.deepEqual(runLines(out), []);
  assert.match(out, /^One run has no result; deno task study makes it$/m);
  assert.match(await Deno.readTextFile(join(study.out, "report.html")), /Tiny/);

  const none = await studyFolder(folder, "unreported");
  const refused = await none.run("--report-only");
  assert.equal(refused.code, 2);
  assert.match(refused.err, /^error: Cannot report on ".*results": no study has begun there/);
  assert.equal(await Deno.stat(none.out).then(() => true, () => false), false);
});
