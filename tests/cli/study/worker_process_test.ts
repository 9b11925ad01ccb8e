import assert from "node:assert/strict";
import { join } from "node:path";
import { readLines } from "../../../src/cli/study/lines.ts";
import type { Told } from "../../../src/cli/study/messages.ts";
import type { RunListener } from "../../../src/cli/study/run_once.ts";
import { startWorker } from "../../../src/cli/study/worker_process.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import type { RunConfig } from "../../../src/federated/run_config.ts";
import { methodNamed } from "../../../src/protocol/methods/mod.ts";
import { root } from "../command.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-study-worker-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

function tiny(changes: Partial<RunConfig> = {}): RunConfig {
  return completeRunConfig({
    clients: 3,
    rounds: 2,
    localSteps: 2,
    batch: 4,
    seqLen: 16,
    validation: 40,
    evalTest: false,
    device: "cpu",
    threads: 1,
    out: join(folder, "scratch"),
    cacheDir: join(folder, "cache"),
    ...changes,
  });
}

const quiet: RunListener = { note() {}, round() {} };

Deno.test("startWorker() makes runs one after another, and tells of their rounds", async () => {
  const worker = startWorker();
  const rounds: number[] = [];
  const listener = { ...quiet, round: (round: number) => void rounds.push(round) };
  const first = await worker.run(tiny(), listener);
  assert.equal(first.kind, "done");
  assert.deepEqual(rounds, [1, 2]);

  const wrong = await worker.run(tiny({ data: join(folder, "none.jsonl") }), quiet);
  assert.ok(wrong.kind === "failed");
  assert.equal(wrong.failure.cause, "user");
  assert.match(wrong.failure.message, /none\.jsonl": no such file$/);

  const diverged = await worker.run(tiny({ lr: 1e30, clipNorm: 0 }), quiet);
  assert.ok(diverged.kind === "failed");
  assert.equal(diverged.failure.cause, "diverged");
  assert.match(diverged.failure.message, /^(the|a) \w+( \w+)* became \S+ (at|after) [^;]*$/);

  // What a diverged run leaves on the device is nothing to the next.
  const again = await worker.run(tiny(), quiet);
  assert.ok(first.kind === "done" && again.kind === "done");
  assert.equal(again.run.summary.final.loss, first.run.summary.final.loss);
  await worker.close();
});

Deno.test("startWorker() gives the same numbers on a used device as on a new one, whatever ran before", async () => {
  const methods: Partial<RunConfig>[] = [
    { method: "truncate", factors: "b" },
    { optimizerState: "keep" },
    { ...methodNamed("local")!.settings, evalTest: true },
    { ranks: [2], rank: 2, method: "full", loraDropout: 0.1 }, // other programs
  ];
  const used = startWorker();
  for (const changes of methods) {
    const fresh = startWorker();
    const expected = await fresh.run(tiny(changes), quiet);
    await fresh.close();
    // A run that merges into the base weights, for one.
    await used.run(tiny({ seed: 9, ...methodNamed("flora")!.settings }), quiet);
    const actual = await used.run(tiny(changes), quiet);
    assert.ok(expected.kind === "done" && actual.kind === "done");
    assert.equal(actual.run.summary.final.loss, expected.run.summary.final.loss);
  }
  await used.close();
  assert.equal(await Deno.stat(join(folder, "scratch")).then(() => true, () => false), true);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(folder, "scratch"))), []);
});

Deno.test("startWorker() tells how a worker ended that did not finish its run", async () => {
  const worker = startWorker();
  const ending = worker.run(tiny({ rounds: 1000 }), { ...quiet, round: () => worker.kill() });
  const outcome = await ending;
  assert.deepEqual(outcome, {
    kind: "failed",
    failure: { cause: "ended", message: "its process ended by SIGKILL" },
  });
  const next = await worker.run(tiny(), quiet);
  assert.ok(next.kind === "failed" && next.failure.cause === "ended", "it does not come back");
});

Deno.test("a worker ends in the middle of a run when the study has gone", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "-A", `${root}src/cli/study/worker.ts`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(tiny({ rounds: 1000 })) + "\n"));
  let told: Told | undefined;
  for await (const line of readLines(child.stdout)) {
    told = JSON.parse(line);
    if (told?.kind === "round") break;
  }
  assert.equal(told?.kind, "round");
  await writer.close();
  assert.equal((await child.status).code, 1);
});
