import assert from "node:assert/strict";
import { helpText, readStudyFlags } from "../../../src/cli/study/flags.ts";
import { chooseMachine, machineText } from "../../../src/cli/study/machine.ts";

Deno.test("readStudyFlags() fills in what is not given", () => {
  assert.deepEqual(readStudyFlags(["some/where/mine.json"]), {
    file: "some/where/mine.json",
    out: "studies/mine",
    action: "run",
    jobs: undefined,
    threads: 1,
    device: "auto",
    cacheDir: null,
    offline: false,
  });
});

Deno.test("readStudyFlags() takes every flag", () => {
  const args = ["mine.json", "--out", "there", "--jobs=3", "--threads=2", "--device=cpu"];
  const flags = readStudyFlags([...args, "--cache-dir=kept", "--offline", "--list"]);
  assert.deepEqual(flags, {
    file: "mine.json",
    out: "there",
    action: "list",
    jobs: 3,
    threads: 2,
    device: "cpu",
    cacheDir: "kept",
    offline: true,
  });
  assert.equal(readStudyFlags(["--help"]), undefined);
});

Deno.test("readStudyFlags() refuses what cannot be, by the flag's name", () => {
  const refused = (args: string[], message: RegExp) =>
    assert.throws(() => readStudyFlags(args), { name: "UserError", message });
  refused([], /^Cannot run a study: expected one file, got none$/);
  refused(["a.json", "b.json"], /^Cannot run a study: expected one file, got 2$/);
  refused(
    ["a.json", "--jobs=0"],
    /^Cannot use --jobs: expected a whole number of at least 1, got 0$/,
  );
  refused(["a.json", "--device=gpu"], /^Cannot use --device: expected one of auto, webgpu, cpu/);
  refused(["a.json", "--rounds=3"], /--rounds/);
  refused(["a.json", "--list", "--prepare"], /^Cannot use --list with --prepare/);
  refused(["a.json", "--lst"], /^Unknown flag "--lst": did you mean "--list"\?$/);
});

Deno.test("the help of a study tells of every flag", () => {
  const flags = ["--out", "--jobs", "--threads", "--device", "--cache-dir", "--offline"];
  for (const flag of [...flags, "--list", "--prepare", "--report-only", "--help"]) {
    assert.ok(helpText.includes(flag), flag);
  }
});

Deno.test("chooseMachine() puts a run on each processor, or one on the GPU", async () => {
  const auto = { device: "auto", jobs: undefined, threads: 1 } as const;
  const has = (gpu: boolean) => () => Promise.resolve(gpu);
  const cpu = await chooseMachine(auto, 8, has(false));
  assert.deepEqual(cpu, { device: "cpu", jobs: 8, threads: 1 });
  assert.equal(machineText(cpu), "8 runs at a time, CPU (1 thread each)");
  const gpu = await chooseMachine(auto, 8, has(true));
  assert.deepEqual(gpu, { device: "webgpu", jobs: 1, threads: 1 });
  assert.equal(machineText(gpu), "one run at a time, WebGPU");
  assert.equal((await chooseMachine({ ...auto, threads: 3 }, 8, has(false))).jobs, 2);
  assert.equal((await chooseMachine({ ...auto, threads: 9 }, 8, has(false))).jobs, 1);
  assert.equal((await chooseMachine({ ...auto, jobs: 5 }, 8, has(true))).jobs, 5);
  assert.equal((await chooseMachine({ ...auto, device: "cpu" }, 8, has(true))).device, "cpu");
});
