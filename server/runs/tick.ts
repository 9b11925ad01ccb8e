import { advance } from "./rounds.ts";
import type { Service, Work } from "./service.ts";
import { sweep } from "./sweep.ts";

/** How often a process sweeps. */
const SWEEP_EVERY = 10 * 60_000;

/** What was found to do. */
export interface DueWork {
  /** Begun now. */
  readonly begun: readonly Promise<void>[];
  /** Begun before and asked to look once more. */
  readonly joined: readonly Promise<void>[];
}

/**
 * Begins all that is due in all runs: deadlines, closing, aggregating, publishing, retrying, and now and then sweeping. What this process is at already
 * looks once more when it is done. So a run's deadline does not wait for another run's aggregation. Safe in any number of processes at once and at
 * any time; a process that starts picks up here what another left.
 *
 * @returns what does it; each fails by itself.
 */
export async function beginDue(service: Service): Promise<DueWork> {
  const { memory, db } = service;
  const runs = await db.query<{ id: string }>(
    "SELECT id FROM runs WHERE state = 'running' ORDER BY id",
  );
  forgetEnded(service, new Set(runs.map(({ id }) => id)));
  const due = new Map(runs.map(({ id }) => [id, () => advanceLogged(service, id)]));
  const now = service.now();
  if (now - memory.sweptAt >= SWEEP_EVERY) {
    memory.sweptAt = now;
    due.set("sweep", () => sweep(service));
  }
  const begun: Promise<void>[] = [];
  const joined: Promise<void>[] = [];
  for (const [name, work] of due) {
    const before = memory.works.get(name);
    if (before === undefined) {
      begun.push(begin(memory.works, name, work));
    } else {
      before.again = true;
      joined.push(before.done);
    }
  }
  return { begun, joined };
}

/** Waits for what {@linkcode beginDue} has begun, however it ends. */
export async function settle({ memory }: Service): Promise<void> {
  await Promise.allSettled([...memory.works.values()].map(({ done }) => done));
}

/**
 * Does all that is due in all runs.
 *
 * @throws the first error, after everything had its turn.
 */
export async function tick(service: Service): Promise<void> {
  const { begun, joined } = await beginDue(service);
  const failed = (await Promise.allSettled([...begun, ...joined]))
    .find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

/** Does a work, and again until nobody has asked for it meanwhile. */
function begin(
  works: Map<string, Work>,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  const entry: Work = { again: true, done: Promise.resolve() };
  works.set(name, entry);
  const untilNobodyAsks = async () => {
    try {
      while (entry.again) {
        entry.again = false;
        await work();
      }
    } finally {
      works.delete(name);
    }
  };
  return entry.done = untilNobodyAsks();
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
