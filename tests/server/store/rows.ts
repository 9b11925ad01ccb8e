/** Rows for tests. */

import type { Queries } from "../../../server/store/database.ts";

/** Inserts a run that is nothing but a name. */
export async function insertRun(queries: Queries, run: string): Promise<void> {
  await queries.query(
    "INSERT INTO runs (id, name, manifest, state, created_at) VALUES ($1, $2, '{}', 'draft', 0)",
    [run, `run ${run}`],
  );
}

/** Adds one to the run's revision the way that loses counts unless runs are locked. */
export async function countUp(queries: Queries, run: string): Promise<void> {
  const [{ revision }] = await queries.query<{ revision: number }>(
    "SELECT revision FROM runs WHERE id = $1",
    [run],
  );
  await queries.query("UPDATE runs SET revision = $2 WHERE id = $1", [run, revision + 1]);
}

/** The run's revision. */
export async function revisionOf(queries: Queries, run: string): Promise<number | undefined> {
  const [row] = await queries.query<{ revision: number }>(
    "SELECT revision FROM runs WHERE id = $1",
    [run],
  );
  return row?.revision;
}

/** Adds a line to the audit log. */
export async function insertAudit(queries: Queries, act: string): Promise<number> {
  const [{ id }] = await queries.query<{ id: number }>(
    "INSERT INTO audit (time, actor, act, run, detail) VALUES (1, 'admin', $1, NULL, '') RETURNING id",
    [act],
  );
  return id;
}
