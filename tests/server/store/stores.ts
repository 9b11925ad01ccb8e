/** Both databases, as places where a test can open one again and again. */

import type { Database, OpenOptions } from "../../../server/store/database.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { createTestDatabase, postgresTest } from "../postgres.ts";

/** Where the data of one test lies. */
export interface Place {
  readonly dataDir: string;
  readonly url?: string;
}

/** Opens databases of a place and closes them. */
export interface TestStore extends Place {
  open(options?: OpenOptions): Promise<Database>;
}

/** One of the two databases. */
export interface StoreKind {
  readonly kind: Database["kind"];
  /** Defines a test with an empty place of its own. */
  test(name: string, body: (store: TestStore) => Promise<void>): void;
  /** Gives a test that runs another empty place. */
  within(body: (store: TestStore) => Promise<void>): Promise<void>;
}

async function withStore(
  kind: Database["kind"],
  body: (store: TestStore) => Promise<void>,
): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  const place: Place = kind === "sqlite"
    ? { dataDir }
    : { dataDir, url: await createTestDatabase() };
  const opened: Database[] = [];
  try {
    await body({
      ...place,
      async open(options = {}) {
        const database = await openDatabase({ ...place, ...options });
        opened.push(database);
        return database;
      },
    });
  } finally {
    // Closing twice does no harm.
    for (const database of opened) await database.close();
    await Deno.remove(dataDir, { recursive: true });
  }
}

/** The embedded one. */
export const sqliteStore: StoreKind = {
  kind: "sqlite",
  test: (name, body) => Deno.test(`sqlite: ${name}`, () => withStore("sqlite", body)),
  within: (body) => withStore("sqlite", body),
};

/** The one for replicas. */
export const postgresStore: StoreKind = {
  kind: "postgres",
  test: (name, body) => postgresTest(`postgres: ${name}`, () => withStore("postgres", body)),
  within: (body) => withStore("postgres", body),
};
