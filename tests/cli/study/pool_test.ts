import assert from "node:assert/strict";
import { createPool, type PoolListener } from "../../../src/cli/study/pool.ts";
import type { Outcome, WorkerProcess } from "../../../src/cli/study/worker_process.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import type { PlannedRun } from "../../../src/study/grid.ts";

const runs: PlannedRun[] = [1, 2, 3, 4].map((seed) => ({
  cell: "iid",
  method: "IFALoRA",
  seed,
  config: completeRunConfig({ seed }),
}));

const done: Outcome = { kind: "done", run: {} as never };
const failed = (cause: "diverged" | "user" | "fault" | "ended"): Outcome => ({
  kind: "failed",
  failure: { cause, message: cause },
});

/** Workers whose runs end as `answer` says; it is told the worker's number, from 0, and the run's seed. */
function workers(answer: (worker: number, seed: number) => Promise<Outcome> | Outcome) {
  const log: string[] = [];
  let started = 0;
  const start = (): WorkerProcess => {
    const number = started++;
    const killed = Promise.withResolvers<Outcome>();
    return {
      async run({ seed }) {
        log.push(`worker ${number} seed ${seed}`);
        return await Promise.race([answer(number, seed), killed.promise]);
      },
      close() {
        log.push(`close ${number}`);
        return Promise.resolve();
      },
      kill() {
        log.push(`kill ${number}`);
        killed.resolve(failed("ended"));
        return Promise.resolve();
      },
    };
  };
  return { start, log };
}

/** A listener that notes how runs ended. */
function listener(): PoolListener & { readonly ends: string[] } {
  const ends: string[] = [];
  return {
    ends,
    begin: () => ({ note() {}, round() {} }),
    end({ seed }, outcome) {
      ends.push(`${seed} ${outcome.kind === "done" ? "done" : outcome.failure.cause}`);
      return Promise.resolve();
    },
  };
}

const never = new AbortController().signal;

Deno.test("a pool gives one worker its runs in order, and keeps it until it is closed", async () => {
  const { start, log } = workers(() => done);
  const pool = createPool(1, start, never);
  const heard = listener();
  await pool.runAll(runs.slice(0, 2), heard);
  await pool.runAll(runs.slice(2), heard);
  await pool.close();
  assert.deepEqual(heard.ends, ["1 done", "2 done", "3 done", "4 done"]);
  assert.deepEqual(log.at(-1), "close 0");
  assert.equal(log.filter((line) => line.startsWith("worker 0")).length, 4);
});

Deno.test("a pool starts no more workers than it may, nor than there are runs", async () => {
  for (const [size, count, expected] of [[2, 4, 2], [8, 3, 3]]) {
    // Every run waits until as many are at work as can be.
    const all = Promise.withResolvers<Outcome>();
    let atWork = 0;
    const { start, log } = workers(() => {
      if (++atWork === expected) all.resolve(done);
      return all.promise;
    });
    const pool = createPool(size, start, never);
    const heard = listener();
    await pool.runAll(runs.slice(0, count), heard);
    await pool.close();
    assert.equal(heard.ends.length, count);
    assert.equal(log.filter((line) => line.startsWith("close")).length, expected);
  }
});

Deno.test("a pool tries a run once more on a new worker when its worker failed", async () => {
  for (const cause of ["ended", "fault"] as const) {
    const { start, log } = workers((worker) => worker === 0 ? failed(cause) : done);
    const pool = createPool(1, start, never);
    const heard = listener();
    await pool.runAll(runs.slice(0, 2), heard);
    await pool.close();
    assert.deepEqual(heard.ends, ["1 done", "2 done"]);
    assert.deepEqual(log, [
      "worker 0 seed 1",
      "kill 0",
      "worker 1 seed 1",
      "worker 1 seed 2",
      "close 1",
    ]);
  }
});

Deno.test("a pool tells of a run that failed twice, and goes on", async () => {
  const { start } = workers((_, seed) => seed === 1 ? failed("ended") : done);
  const pool = createPool(1, start, never);
  const heard = listener();
  await pool.runAll(runs.slice(0, 2), heard);
  await pool.close();
  assert.deepEqual(heard.ends, ["1 ended", "2 done"]);
});

Deno.test("a pool does not repeat what the run itself is to blame for", async () => {
  for (const cause of ["diverged", "user"] as const) {
    const { start, log } = workers((_, seed) => seed === 1 ? failed(cause) : done);
    const pool = createPool(1, start, never);
    const heard = listener();
    await pool.runAll(runs.slice(0, 2), heard);
    await pool.close();
    assert.deepEqual(heard.ends, [`1 ${cause}`, "2 done"]);
    assert.deepEqual(log, ["worker 0 seed 1", "worker 0 seed 2", "close 0"]);
  }
});

Deno.test("a pool ends its workers in the middle of their runs when it is stopped", async () => {
  const controller = new AbortController();
  const reason = new Error("stopped");
  const { start, log } = workers((_, seed) => {
    if (seed === 2) controller.abort(reason);
    return Promise.withResolvers<Outcome>().promise;
  });
  const pool = createPool(2, start, controller.signal);
  const heard = listener();
  await assert.rejects(pool.runAll(runs, heard), reason);
  await pool.close();
  assert.deepEqual(heard.ends, []);
  assert.ok(log.includes("kill 0") && log.includes("kill 1"));
});

Deno.test("a pool makes no more runs when a result cannot be kept", async () => {
  const { start, log } = workers(() => done);
  const pool = createPool(1, start, never);
  const full = { ...listener(), end: () => Promise.reject(new Error("no space left")) };
  await assert.rejects(pool.runAll(runs, full), { message: "no space left" });
  await pool.close();
  assert.deepEqual(log, ["worker 0 seed 1", "close 0"]);
});
