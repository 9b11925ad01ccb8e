/** Runs shared out over workers. @module */

import type { PlannedRun } from "../../study/grid.ts";
import type { RunListener } from "./run_once.ts";
import type { Outcome, WorkerProcess } from "./worker_process.ts";

/** Hears of the runs of a pool. */
export interface PoolListener {
  /** A run begins; what it returns hears of it. */
  begin(run: PlannedRun): RunListener;
  /** A run has ended; the worker goes on when the promise is fulfilled. */
  end(run: PlannedRun, outcome: Outcome): Promise<void>;
}

/** Workers that live from the first run to `close`. */
export interface Pool {
  /**
   * Makes runs, in their order as workers become free. One whose worker failed is tried once more on a new one, for the machine may have been at
   * fault; what then fails is the outcome.
   *
   * @throws the reason of the signal once it is aborted, and what `end` throws, when the runs under way have ended.
   */
  runAll(runs: readonly PlannedRun[], listener: PoolListener): Promise<void>;
  /** Ends the workers. */
  close(): Promise<void>;
}

/**
 * Makes a pool of at most `size` workers, each started when it is needed.
 *
 * @param signal ends the workers at once
 */
export function createPool(size: number, start: () => WorkerProcess, signal: AbortSignal): Pool {
  const idle: WorkerProcess[] = [];
  const all = new Set<WorkerProcess>();
  signal.addEventListener("abort", () => {
    for (const worker of all) worker.kill();
  });

  const take = (): WorkerProcess => {
    const worker = idle.pop() ?? start();
    all.add(worker);
    return worker;
  };
  const drop = async (worker: WorkerProcess) => {
    all.delete(worker);
    await worker.kill();
  };

  const once = async (run: PlannedRun, listener: PoolListener): Promise<Outcome> => {
    signal.throwIfAborted();
    const worker = take();
    const outcome = await worker.run(run.config, listener.begin(run));
    if (suspect(outcome)) await drop(worker);
    else idle.push(worker);
    signal.throwIfAborted();
    return outcome;
  };

  return {
    async runAll(runs, listener) {
      const queue = [...runs];
      const lane = async () => {
        for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
          const first = await once(run, listener);
          await listener.end(run, suspect(first) ? await once(run, listener) : first);
        }
      };
      const stop = (error: unknown) => {
        queue.length = 0;
        throw error;
      };
      const lanes = Array.from({ length: Math.min(size, runs.length) }, () => lane().catch(stop));
      // All of them are heard to their ends: a result may be in the middle of being written.
      const ends = await Promise.allSettled(lanes);
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) throw failed.reason;
    },
    async close() {
      await Promise.all([...all].map((worker) => signal.aborted ? worker.kill() : worker.close()));
      all.clear();
    },
  };
}

/** Whether the worker may be broken. */
function suspect(outcome: Outcome): boolean {
  return outcome.kind === "failed" &&
    (outcome.failure.cause === "ended" || outcome.failure.cause === "fault");
}
