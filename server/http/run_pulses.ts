import type { Queries } from "../store/database.ts";
import type { RunPulse } from "./run_watch.ts";

/** How runs stand, in one question to the database. */
export async function runPulses(
  db: Queries,
  runs: readonly string[],
): Promise<ReadonlyMap<string, RunPulse>> {
  const places = runs.map((_, i) => `$${i + 1}`).join(", ");
  // A client's task follows from the run's state, its round, the attempt (`retries` counts those of all rounds) and who was withdrawn.
  const rows = await db.query<
    { id: string; revision: number; phase: string }
  >(
    "SELECT id, revision, state || ' ' || rounds_done || ' ' || retries || ' ' || (SELECT COUNT(*) " +
      "FROM seats WHERE seats.run = runs.id AND seats.state = 'withdrawn') AS phase " +
      `FROM runs WHERE id IN (${places})`,
    runs,
  );
  return new Map(rows.map(({ id, ...pulse }) => [id, pulse]));
}
