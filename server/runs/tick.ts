import { advance } from "./rounds.ts";
import type { Service } from "./service.ts";
import { sweep } from "./sweep.ts";

/** How often a process sweeps. */
const SWEEP_EVERY = 10 * 60_000;

/**
 * All that is due in all runs: deadlines, closing, aggregating, publishing, retrying, and now and then sweeping. Safe in any number of processes
 * at once and at any time; a process that starts picks up here what another left.
 *
 * @throws the first error, after everything had its turn.
 */
export async function tick(service: Service): Promise<void> {
  const runs = await service.db.query<{ id: string }>(
    "SELECT id FROM runs WHERE state = 'running' ORDER BY id",
  );
  forgetEnded(service, new Set(runs.map(({ id }) => id)));
  const due = runs.map(({ id }) => advanceLogged(service, id));
  const now = service.now();
  if (now - service.memory.sweptAt >= SWEEP_EVERY) {
    service.memory.sweptAt = now;
    due.push(sweep(service));
  }
  // At a time, so that a deadline does not wait for another run's aggregation.
  const failed = (await Promise.allSettled(due)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

async function advanceLogged(service: Service, run: string): Promise<void> {
  try {
    await advance(service, run);
  } catch (error) {
    service.log("advance-failed", { run, error: String(error) });
    throw error;
  }
}

/** What this process remembers of runs that another one ended. */
function forgetEnded({ memory }: Service, running: ReadonlySet<string>): void {
  for (const cache of [memory.banks, memory.deals]) {
    for (const run of cache.keys()) if (!running.has(run)) cache.delete(run);
  }
}
