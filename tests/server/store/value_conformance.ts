/** What goes in comes out, the same from both databases. */

import assert from "node:assert/strict";

import type { Database, SqlValue } from "../../../server/store/database.ts";
import { dialects } from "../../../server/store/migrations.ts";
import type { StoreKind } from "./stores.ts";

async function createProbe(database: Database): Promise<void> {
  const { whole, real, text, bytes, end } = dialects[database.kind];
  await database.transaction("migrate", (transaction) =>
    transaction.query(
      `CREATE TABLE probe (id ${whole} PRIMARY KEY, whole ${whole}, real ${real}, text ${text}, ` +
        `bytes ${bytes}) ${end}`,
    ));
}

async function insertProbe(database: Database, row: readonly SqlValue[]): Promise<void> {
  await database.transaction("migrate", (transaction) =>
    transaction.query(
      "INSERT INTO probe (id, whole, real, text, bytes) VALUES ($1, $2, $3, $4, $5)",
      row,
    ));
}

/** What each database says of a mistake. */
const mistakes = {
  sqlite: {
    type: { code: "ERR_SQLITE_ERROR", message: /^cannot store (REAL|TEXT) value in / },
    tooFew: { name: "RangeError", message: /: expected 2 parameters, got 1$/ },
    tooMany: { name: "RangeError", message: /: expected 2 parameters, got 3$/ },
  },
  // Codes alone: messages are in the server's language.
  postgres: { type: { code: "22P02" }, tooFew: { code: "08P01" }, tooMany: { code: "42P18" } },
};

/** Defines the tests. */
export function testValues({ kind, test }: StoreKind): void {
  const { type, tooFew, tooMany } = mistakes[kind];

  test("query() gives values back as they were stored", async ({ open }) => {
    const database = await open();
    await createProbe(database);
    const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);
    const rows: SqlValue[][] = [
      [0, 0, 0, "", new Uint8Array()],
      [1, -1, -0.1, "naïve 🦊 'quoted' \\ $1 ?1", everyByte],
      [2, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, "line\nbreak", new Uint8Array([0])],
      [3, Number.MIN_SAFE_INTEGER, 5e-324, "\u{7f}\u{80}", everyByte.subarray(100, 103)],
      [4, null, null, null, null],
    ];
    for (const row of rows) await insertProbe(database, row);
    const found = await database.query("SELECT * FROM probe ORDER BY id");
    assert.deepEqual(
      found,
      rows.map(([id, whole, real, text, bytes]) => ({
        id,
        whole,
        real,
        text,
        bytes: bytes instanceof Uint8Array ? new Uint8Array(bytes) : bytes,
      })),
    );
  });

  test("query() gives counts, sums, averages and comparisons as numbers", async ({ open }) => {
    const database = await open();
    await createProbe(database);
    await insertProbe(database, [1, 3, 0.5, null, null]);
    await insertProbe(database, [2, 4, 0.25, null, null]);
    const rows = await database.query(
      "SELECT COUNT(*) AS n, SUM(whole) AS total, AVG(whole) AS mean, SUM(real) AS reals, " +
        "MAX(whole) AS largest, EXISTS (SELECT 1 FROM probe) AS filled, " +
        "CAST($1 AS BIGINT) / 2 AS half FROM probe WHERE whole < $2",
      [7, 100],
    );
    assert.deepEqual(rows, [
      { n: 2, total: 7, mean: 3.5, reals: 0.75, largest: 4, filled: 1, half: 3 },
    ]);
  });

  test("query() takes a parameter in several places", async ({ open }) => {
    const database = await open();
    await createProbe(database);
    await insertProbe(database, [1, 5, null, "x", null]);
    const found = await database.query(
      "SELECT id FROM probe WHERE (text = $2 AND whole = $1) OR (text = $2 AND id = $1)",
      [5, "x"],
    );
    assert.deepEqual(found, [{ id: 1 }]);
  });

  test("query() refuses to read a number above 2^53", async ({ open }) => {
    const database = await open();
    for (const number of ["9007199254740993", "-9007199254740993"]) {
      await assert.rejects(database.query(`SELECT CAST(${number} AS BIGINT) AS n`), RangeError);
    }
    assert.deepEqual(await database.query("SELECT 1 AS n"), [{ n: 1 }]);
  });

  test("query() refuses parameters that a database would change", async ({ open }) => {
    const database = await open();
    for (const value of [NaN, Infinity, "a\0b", undefined, true, 1n, new Date(), {}]) {
      await assert.rejects(
        database.query("SELECT 1 AS one FROM runs WHERE id = $1", [value as SqlValue]),
        /^TypeError: Cannot store parameter \$1: expected text, a finite number, bytes or null/,
      );
    }
  });

  test("query() refuses a value of another type than its column's", async ({ open }) => {
    const database = await open();
    await createProbe(database);
    await assert.rejects(insertProbe(database, [1, 0.5, null, null, null]), type);
    await assert.rejects(insertProbe(database, [1, "five", null, null, null]), type);
    await assert.rejects(insertProbe(database, [1, null, "half", null, null]), type);
    assert.deepEqual(await database.query("SELECT id FROM probe"), []);
  });

  test("query() refuses too few and too many parameters", async ({ open }) => {
    const database = await open();
    const sql = "SELECT 1 AS one FROM runs WHERE id = $1 AND name = $2";
    await assert.rejects(database.query(sql, ["a"]), tooFew);
    await assert.rejects(database.query(sql, ["a", "b", "c"]), tooMany);
    assert.deepEqual(await database.query(sql, ["a", "b"]), []);
  });

  test("query() orders text by code point", async ({ open }) => {
    const database = await open();
    await createProbe(database);
    const words = ["b", "A", "a", "B", "ä", "_", "1"];
    for (const [id, word] of words.entries()) {
      await insertProbe(database, [id, null, null, word, null]);
    }
    const found = await database.query<{ text: string }>("SELECT text FROM probe ORDER BY text");
    assert.deepEqual(found.map(({ text }) => text), ["1", "A", "B", "_", "a", "b", "ä"]);
  });
}
