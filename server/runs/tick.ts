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
  const due = runs.map(({ id }) => () => advance(service, id));
  const now = service.now();
  if (now - service.memory.sweptAt >= SWEEP_EVERY) {
    service.memory.sweptAt = now;
    due.push(() => sweep(service));
  }
  const errors: unknown[] = [];
  for (const work of due) {
    try {
      await work();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** What this process remembers of runs that another one ended. */
function forgetEnded({ memory }: Service, running: ReadonlySet<string>): void {
  for (const cache of [memory.banks, memory.deals]) {
    for (const run of cache.keys()) if (!running.has(run)) cache.delete(run);
  }
}
