/**
 * The server's command line, checked but not acted upon.
 *
 * @module
 */

import { Command, CommanderError, InvalidArgumentError } from "commander";
import project from "../../deno.json" with { type: "json" };
import { UserError } from "../../src/protocol/errors.ts";

/** Where the data lies, as it was typed. */
export interface PlaceSettings {
  readonly dataDir: string;
  /** Address of a PostgreSQL database, instead of SQLite in the folder. */
  readonly database?: string;
}

/** Settings of a server. */
export interface ServeSettings extends PlaceSettings {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  readonly insecure?: true;
  readonly adminTokenFile?: string;
}

/** What was asked for. */
export type ServerCommand =
  | { readonly kind: "serve"; readonly settings: ServeSettings }
  | {
    readonly kind: "backup" | "restore";
    readonly settings: PlaceSettings;
    readonly file: string;
  };

/**
 * Reads a command line.
 *
 * @throws {UserError} for settings that contradict each other.
 * @throws {CommanderError} for anything else that is wrong, and with exit code 0 after printing for --help and --version.
 */
export function readCommand(args: readonly string[]): ServerCommand {
  let asked: ServerCommand | undefined;
  const program = withPlace(ours(new Command("deno task server")))
    .description("Serves federations over HTTP.")
    .version(`${project.name} ${project.version}`, "--version", "print the version")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on, 0 for any that is free", readPort, 8080)
    .option("--cert <file>", "TLS certificate, PEM")
    .option("--key <file>", "TLS key, PEM")
    .option("--insecure", "listen beyond this machine without TLS")
    .option(
      "--admin-token-file <file>",
      "file of the administrator's token (default: the variable HAFL_ADMIN_TOKEN, else <data-dir>/admin-token)",
    )
    .action((settings: ServeSettings) => {
      checkTransport(settings);
      asked = { kind: "serve", settings };
    });
  const copying = [
    ["backup", "Copies all data to FILE, while a server runs or not."],
    ["restore", "Fills an empty folder or database from FILE."],
  ] as const;
  for (const [kind, summary] of copying) {
    // Options stand before or after the word.
    withPlace(ours(program.command(kind))).description(summary).argument("<file>")
      .action((file: string, _: unknown, { parent }: Command) => {
        asked = { kind, settings: parent!.opts<PlaceSettings>(), file };
      });
  }
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    const [word] = program.args;
    if (isExcess(error) && !program.commands.some((command) => command.name() === word)) {
      throw new UserError(
        `Unknown command "${word}": expected backup or restore, or none to serve`,
      );
    }
    throw error;
  }
  return asked!;
}

function isExcess(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.excessArguments";
}

function withPlace(command: Command): Command {
  return command
    .option("--data-dir <folder>", "folder of the data", "./hafl-data")
    .option("--database <address>", "PostgreSQL, as postgres://user:password@host/name, instead");
}

/** Errors are thrown instead of printed, and nobody asks the environment for colours: a server may not read it. */
function ours(command: Command): Command {
  return command
    .helpOption("-h, --help", "print this help")
    .allowExcessArguments(false)
    .exitOverride()
    .configureHelp({ helpWidth: 100 })
    .configureOutput({
      outputError: () => {},
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}

function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("expected a number from 0 to 65535");
}

function checkTransport({ host, cert, key, insecure }: ServeSettings): void {
  if ((cert === undefined) !== (key === undefined)) {
    throw new UserError(
      `Cannot use --${cert === undefined ? "key" : "cert"} alone: TLS needs --cert and --key`,
    );
  }
  if (cert !== undefined || insecure || isLoopback(host)) return;
  throw new UserError(
    `Cannot listen on ${host} without TLS: tokens and updates could be read on the way; ` +
      "use --cert and --key, or --insecure on a network that is encrypted by other means",
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
