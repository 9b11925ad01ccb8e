/** A database with rows in every table, and what it holds. */

import { CHUNK_BYTES, createBlob } from "../../../server/store/blobs.ts";
import type { Database, Queries, SqlRow, SqlValue } from "../../../server/store/database.ts";
import { tables } from "../../../server/store/migrations.ts";

async function insert(queries: Queries, table: string, row: Record<string, SqlValue>) {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${index + 1}`);
  await queries.query(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places.join(", ")})`,
    Object.values(row),
  );
}

/** Puts rows into every table: two blobs, one of them incomplete, and more audit lines than are read at a time. */
export async function fill(database: Database): Promise<void> {
  const blob = createBlob(database, 1);
  await blob.write(Uint8Array.from({ length: 5 * CHUNK_BYTES + 3 }, (_, index) => index % 253));
  const incomplete = createBlob(database, 2);
  await incomplete.write(new Uint8Array(CHUNK_BYTES + 1));
  await database.transaction("create-run", async (transaction) => {
    const { id, digest } = await blob.finish(transaction);
    const at = { run: "r1", round: 0, attempt: 0, client: 3 };
    await insert(transaction, "runs", {
      ...{ id: "r1", name: 'naïve 🦊 "run"\n\\', manifest: "{}", state: "running" },
      ...{ created_at: Number.MAX_SAFE_INTEGER, ended_at: null },
    });
    await insert(transaction, "seats", {
      ...{ run: "r1", client: 3, role: "client", state: "ready", key_id: "k", rank: 4 },
    });
    await insert(transaction, "rounds", {
      ...{ run: "r1", round: 0, attempt: 0, state: "open", opened_at: 1, deadline: 2 },
      sampled: "[3]",
    });
    await insert(transaction, "downloads", { ...at, sizes: "{}", sent_at: 1 });
    await insert(transaction, "choices", { ...at, body: new Uint8Array([0, 255, 10]) });
    await insert(transaction, "updates", {
      ...{ ...at, update_id: "u", digest, samples: 5, sizes: "{}", blob: null, received_at: 1 },
    });
    await insert(transaction, "banks", {
      ...{ run: "r1", rounds: 0, blob: id, digest, record: "{}", published_at: 1 },
      scores: null,
    });
    await insert(transaction, "evaluations", {
      ...{ run: "r1", rounds: 0, client: 3, role: "client", count: 10, correct: 7 },
      loss: 0.1 + 0.2,
    });
    await insert(transaction, "models", { hash: "h", path: "config.json", size: 3, blob: id });
    await insert(transaction, "nonces", { key_id: "k", nonce: "n", seen_at: 1 });
    await insert(transaction, "reject_counts", {
      ...{ run: "r1", client: -1, reason: "replay", count: 4 },
    });
    await insert(transaction, "rejects", {
      ...{ run: null, time: 1, client: null, round: null, reason: "replay", detail: "" },
    });
    for (let line = 0; line < 300; line++) {
      await insert(transaction, "audit", {
        ...{ time: line, actor: "admin", act: "invite", run: "r1", detail: `${line}` },
      });
    }
  });
}

/** Every row of every table, in order. */
export async function contentOf(database: Database): Promise<Record<string, SqlRow[]>> {
  const content: Record<string, SqlRow[]> = {};
  for (const { name, key } of tables) {
    content[name] = await database.query(`SELECT * FROM ${name} ORDER BY ${key.join(", ")}`);
  }
  return content;
}
