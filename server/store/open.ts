/**
 * Opens the database a server was told to use.
 *
 * @module
 */

import { UserError } from "../../src/protocol/errors.ts";
import type { Database, OpenOptions } from "./database.ts";
import { openSqlite } from "./sqlite.ts";

/** Where the data lies. */
export interface DataPlace extends OpenOptions {
  /** Folder of the embedded database. */
  readonly dataDir: string;
  /** Address of a PostgreSQL database, used instead of the folder when given. */
  readonly url?: string | undefined;
}

/**
 * Opens PostgreSQL when an address is given, else SQLite in the folder, which is made when it is missing.
 *
 * @throws {UserError} when it cannot be used, with what to do.
 */
export async function openDatabase(
  { dataDir, url, ...options }: DataPlace,
): Promise<Database> {
  if (url !== undefined) {
    // Loaded on demand: the package reads environment variables, which a server on SQLite need not be allowed to.
    const { openPostgres } = await import("./postgres.ts");
    return await openPostgres(url, options);
  }
  if (options.use !== "read") {
    try {
      await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new UserError(
        `Cannot make the folder ${JSON.stringify(dataDir)}: ${(error as Error).message}; ` +
          "use another --data-dir",
      );
    }
  }
  return await openSqlite(`${dataDir}/hafl.db`, options);
}
