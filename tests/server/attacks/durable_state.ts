import type { Database } from "../../../server/store/database.ts";
import { tables } from "../../../server/store/migrations.ts";

/** Tables that tell of the attack itself. */
const told = new Set(["rejects", "reject_counts", "audit", "nonces"]);

/** Everything that a database holds of runs, but that something was refused: rows by table. */
export async function durableState(db: Database): Promise<Record<string, unknown[]>> {
  const state: Record<string, unknown[]> = {};
  for (const { name, columns, key } of tables) {
    if (told.has(name)) continue;
    const kept = columns.filter((column) => column !== "revision");
    state[name] = await db.query(
      `SELECT ${kept.join(", ")} FROM ${name} ORDER BY ${key.join(", ")}`,
    );
  }
  return state;
}
