import assert from "node:assert/strict";

import { UserError } from "../../../src/protocol/errors.ts";
import { backup } from "../../../server/store/backup.ts";
import type { Database } from "../../../server/store/database.ts";
import { restore } from "../../../server/store/restore.ts";
import { contentOf, fill } from "./filled.ts";
import { insertAudit } from "./rows.ts";
import { sqliteStore, type TestStore } from "./stores.ts";

const { test } = sqliteStore;

interface Backup {
  readonly path: string;
  /** An empty database. */
  readonly target: Database;
  /** The lines of the file, with the empty one after the last. */
  readonly lines: readonly string[];
}

/** A backup of a filled database, and another database. */
async function prepare({ dataDir, open }: TestStore): Promise<Backup> {
  const path = `${dataDir}/file.backup`;
  await sqliteStore.within(async (source) => {
    const database = await source.open();
    await fill(database);
    await backup(database, path);
  });
  const lines = (await unpacked(await Deno.readFile(path))).split("\n");
  return { path, target: await open(), lines };
}

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(text).text();
}

async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  const text = new Blob([lines.join("\n")]).stream();
  await Deno.writeFile(path, text.pipeThrough(new CompressionStream("gzip")));
}

/** Refused before a transaction begins, so that nothing was written. */
async function refused({ path, target }: Backup, message: RegExp): Promise<void> {
  const untouched: Database = {
    ...target,
    transaction: () => assert.fail("a transaction began"),
  };
  await assert.rejects(restore(untouched, path), (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

test("restore() refuses a file that was cut off", async (store) => {
  const prepared = await prepare(store);
  const bytes = await Deno.readFile(prepared.path);
  for (const length of [0, 1, 10, bytes.length >> 1, bytes.length - 8, bytes.length - 1]) {
    await Deno.writeFile(prepared.path, bytes.subarray(0, length));
    await refused(prepared, /^Cannot restore ".*": expected a whole backup/);
  }
});

test("restore() refuses a file with a changed byte", async (store) => {
  const prepared = await prepare(store);
  const bytes = await Deno.readFile(prepared.path);
  let changes = 0;
  // The first ten bytes are a header, some of which stands for nothing.
  for (let place = 10; place < bytes.length; place += Math.ceil(bytes.length / 50)) {
    const altered = bytes.slice();
    altered[place] ^= 16;
    // A repetition may be found at another distance: the same lines, compressed otherwise.
    const text = await unpacked(altered).catch(() => undefined);
    if (text === prepared.lines.join("\n")) continue;
    changes++;
    await Deno.writeFile(prepared.path, altered);
    await refused(prepared, /^Cannot restore ".*": .*; nothing was written$/);
  }
  assert.ok(changes > 40);
});

test("restore() refuses lines that were changed, dropped, repeated, swapped or added", async (store) => {
  const prepared = await prepare(store);
  const { path, lines } = prepared;
  const [header, ...rest] = lines;
  const trailer = rest.at(-2)!;
  const last = rest.length - 2;
  const changed = rest[last - 1].replace('"admin"', '"nobody"');
  assert.notEqual(changed, rest[last - 1]);
  const cases: [readonly string[], RegExp][] = [
    [[header, ...rest.with(last - 1, changed)], /do not match its SHA-256/],
    [[header, ...rest.toSpliced(5, 1)], /do not match its SHA-256/],
    [[header, ...rest.toSpliced(5, 0, rest[5])], /do not match its SHA-256/],
    [[header, ...rest.toSpliced(last - 2, 2, rest[last - 1], rest[last - 2])], /its SHA-256/],
    [[header, ...rest.toSpliced(5, 0, '["audit"]')], /expected a row on each line/],
    [[header, ...rest.toSpliced(5, 0, '["users", 1]')], /expected a row on each line/],
    [[header, ...rest.toSpliced(5, 0, "")], /expected a row on each line/],
    [[header, ...rest.toSpliced(5, 0, '["nonces","a","b",{"base64":"%"}]')], /expected a row/],
    [[header, ...rest.toSpliced(last, 1)], /got one that was cut off/],
    [[...lines.slice(0, -1), trailer, ""], /expected nothing after the last line/],
  ];
  for (const [content, message] of cases) {
    await writeLines(path, content);
    await refused(prepared, message);
  }
});

test("restore() refuses another file and another schema", async (store) => {
  const prepared = await prepare(store);
  const { path, lines } = prepared;
  const [header, ...rest] = lines;
  const edited = (change: Record<string, unknown>) =>
    JSON.stringify({ ...JSON.parse(header), ...change });
  const cases: [readonly string[], RegExp][] = [
    [["a letter"], /expected a backup of this server, got another file/],
    [['{"kind":"other"}'], /expected a backup of this server, got another file/],
    [["null"], /expected a backup of this server, got another file/],
    [[edited({ schema: 99 }), ...rest], /expected schema \d+, got 99; restore it with the version/],
    [[edited({ tables: [] }), ...rest], /expected the tables of this version, got others/],
  ];
  for (const [content, message] of cases) {
    await writeLines(path, content);
    await refused(prepared, message);
  }
  await Deno.writeTextFile(path, "a letter, not even compressed");
  await refused(prepared, /expected a whole backup, got a damaged file/);
  await Deno.remove(path);
  await refused(prepared, /^Cannot read the backup ".*": No such file/);
});

test("restore() refuses a database that holds anything", async (store) => {
  const prepared = await prepare(store);
  const { target } = prepared;
  await target.transaction("audit", (transaction) => insertAudit(transaction, "a"));
  const before = await contentOf(target);
  await refused(prepared, /^Cannot restore: the database already holds data; give an empty one/);
  assert.deepEqual(await contentOf(target), before);
});
