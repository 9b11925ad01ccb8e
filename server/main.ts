/**
 * `deno task server`: serves federations over HTTP, backs their data up and restores it.
 *
 * @module
 */

import { UserError } from "../src/protocol/errors.ts";
import { adminToken } from "./cli/admin_token.ts";
import { readCommand, type ServerCommand, type ServeSettings } from "./cli/command.ts";
import { jsonLog } from "./cli/json_log.ts";
import { permissionsFor, requirePermissions } from "./cli/permissions.ts";
import { runCommand } from "./cli/run_command.ts";
import { untilAskedToStop } from "./cli/stop_signals.ts";
import { assets } from "./dashboard/assets.ts";
import { startHost } from "./host.ts";
import { backup } from "./store/backup.ts";
import { openDatabase } from "./store/open.ts";
import { restore } from "./store/restore.ts";

if (import.meta.main) {
  await runCommand(async () => {
    const command = readCommand(Deno.args);
    await requirePermissions(permissionsFor(command), Deno.args);
    await perform(command);
  });
}

async function perform(command: ServerCommand): Promise<void> {
  if (command.kind === "serve") return await serve(command.settings);
  const { kind, file, settings: { dataDir, database: url } } = command;
  const db = await openDatabase({ dataDir, url, ...(kind === "backup" && { use: "read" }) });
  try {
    const rows = await (kind === "backup" ? backup : restore)(db, file);
    const count = Object.values(rows).reduce((sum, some) => sum + some, 0);
    const place = url === undefined ? dataDir : "the database";
    const how = kind === "backup"
      ? `${place} backed up to ${file}`
      : `${file} restored to ${place}`;
    console.log(`${count.toLocaleString("en")} rows of ${how}`);
  } finally {
    await db.close();
  }
}

async function serve(settings: ServeSettings): Promise<void> {
  const { dataDir, database: url, host: hostname, port, adminTokenFile } = settings;
  // From here on, so that no signal finds a server that is half started.
  const asked = untilAskedToStop();
  const tls = await readTls(settings);
  const log = await jsonLog();
  const db = await openDatabase({ dataDir, url });
  try {
    const { token, place, exposed } = await adminToken({ file: adminTokenFile, dataDir });
    if (exposed) console.error(`warning: others can read ${place}; run: chmod 600 ${place}`);
    const host = startHost({
      db,
      adminToken: token,
      hostname,
      port,
      log,
      assets,
      ...(tls && { tls }),
    });
    console.log(`Server       ${host.address}`);
    console.log(`Data         ${url === undefined ? dataDir : "PostgreSQL"}`);
    console.log(`Admin token  ${place}`);
    await asked;
    console.log("Stopping: requests in progress may end");
    await host.drain();
  } finally {
    // A second time after a drain, which does no harm.
    await db.close();
  }
}

async function readTls({ cert, key }: ServeSettings) {
  if (cert === undefined || key === undefined) return undefined;
  return { cert: await readPem(cert), key: await readPem(key) };
}

async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new UserError(`Cannot read "${path}": ${(error as Error).message}`);
  }
}
