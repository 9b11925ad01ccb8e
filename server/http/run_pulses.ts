import type { Queries } from "../store/database.ts";
import type { RunPulse } from "./run_watch.ts";

/** How runs stand, in one question to the database. */
export async function runPulses(
  db: Queries,
  runs: readonly string[],
): Promise<ReadonlyMap<string, RunPulse>> {
  const places = runs.map((_, i) => `$${i + 1}`).join(", ");
  // A client's task follows from the run's state, its round and the attempt; `retries` counts the attempts of all rounds.
  const rows = await db.query<
    { id: string; revision: number; state: string; rounds_done: number; retries: number }
  >(`SELECT id, revision, state, rounds_done, retries FROM runs WHERE id IN (${places})`, runs);
  return new Map(
    rows.map(({ id, revision, state, rounds_done, retries }) => [
      id,
      { revision, phase: `${state} ${rounds_done} ${retries}` },
    ]),
  );
}
