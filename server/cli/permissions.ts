/**
 * What Deno must allow for given settings, asked for before it is used: a server never prompts, and says what to type instead.
 *
 * @module
 */

import { UserError } from "../../src/protocol/errors.ts";
import type { PlaceSettings, ServerCommand, ServeSettings } from "./command.ts";

/** Permissions by kind; an empty list of environment variables stands for none. */
export interface Permissions {
  /** host:port */
  readonly net: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Names, or "all". */
  readonly env: readonly string[] | "all";
}

/** The variable that may hold the administrator's token. */
export const tokenVariable = "HAFL_ADMIN_TOKEN";

/** What a command needs. */
export function permissionsFor(command: ServerCommand): Permissions {
  const { settings } = command;
  const { dataDir } = settings;
  const database = databaseHost(settings);
  const net = database === undefined ? [] : [database];
  const env = database === undefined ? [tokenVariable] : "all";
  switch (command.kind) {
    case "serve": {
      const { host, port, cert, key, adminTokenFile } = command.settings;
      const files = [cert, key, adminTokenFile].filter((file) => file !== undefined);
      return {
        net: [hostPort(host, port), ...net],
        read: outermost([dataDir, ...files]),
        write: [dataDir],
        env,
      };
    }
    case "backup": {
      // It takes its name only when it is whole, and renaming asks for both of both.
      const paths = outermost([dataDir, command.file, `${command.file}.partial`]);
      return { net, read: paths, write: paths, env };
    }
    case "restore":
      return { net, read: outermost([dataDir, command.file]), write: [dataDir], env };
    default:
      return command satisfies never;
  }
}

/** What is asked of Deno. */
export type QueryPermission = (descriptor: Deno.PermissionDescriptor) => Promise<boolean>;

/** Asks Deno. */
export const queryPermission: QueryPermission = async (descriptor) =>
  (await Deno.permissions.query(descriptor)).state === "granted";

/**
 * Makes sure that all of it is allowed. The variable of the token is not insisted upon: without it, it counts as not set.
 *
 * @throws {UserError} with the command that allows it.
 */
export async function requirePermissions(
  needed: Permissions,
  args: readonly string[],
  query: QueryPermission = queryPermission,
): Promise<void> {
  const missing: string[] = [];
  const ask = async (what: string, descriptor: Deno.PermissionDescriptor) => {
    if (!await query(descriptor)) missing.push(what);
  };
  for (const host of needed.net) await ask(`the network address ${host}`, { name: "net", host });
  for (const path of needed.read) await ask(`reading ${path}`, { name: "read", path });
  for (const path of needed.write) await ask(`writing ${path}`, { name: "write", path });
  if (needed.env === "all") await ask("the environment", { name: "env" });
  if (missing.length === 0) return;
  throw new UserError(
    `Cannot start without permission for ${missing.join(", ")}; run: ${commandLine(needed, args)}`,
  );
}

/** The command that grants just what is needed. */
export function commandLine(
  { net, read, write, env }: Permissions,
  args: readonly string[],
): string {
  const list = (name: string, values: readonly string[]) =>
    values.length === 0 ? [] : [quoted(`--allow-${name}=${values.join(",")}`)];
  return [
    "deno run",
    ...list("net", net),
    ...list("read", read),
    ...list("write", write),
    ...(env === "all" ? ["--allow-env"] : list("env", env)),
    "server/main.ts",
    ...args.map((arg) => quoted(withoutPassword(arg))),
  ].join(" ");
}

/** Paths that do not lie in another one of them. */
function outermost(paths: readonly string[]): string[] {
  const inside = (path: string, folder: string) =>
    path !== folder && normal(path).startsWith(`${normal(folder)}/`);
  return [...new Set(paths)].filter((path) => !paths.some((folder) => inside(path, folder)));
}

function normal(path: string): string {
  const plain = path.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
  return plain.includes("..") ? `\0${plain}` : plain;
}

function databaseHost({ database }: PlaceSettings): string | undefined {
  if (database === undefined) return undefined;
  const url = URL.parse(database);
  // An address that cannot be read is refused by whoever opens it.
  return hostPort(url?.hostname ?? "", Number(url?.port || 5432));
}

function hostPort(host: string, port: ServeSettings["port"]): string {
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return port === 0 ? name : `${name}:${port}`;
}

function withoutPassword(arg: string): string {
  return arg.replace(/^((?:--database=)?postgres(?:ql)?:\/\/[^:@/]*):[^@]*@/, "$1:PASSWORD@");
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./[\]-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}
