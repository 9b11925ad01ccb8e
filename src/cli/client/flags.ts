/** The flags of `deno task client`. @module */

import { Option } from "commander";
import type { RunConfig } from "../../federated/run_config.ts";
import { flagName } from "../../federated/setting_text.ts";
import { type Kind, number, text, whole } from "../../federated/setting_kinds.ts";
import type { SettingKey } from "../../federated/settings.ts";
import { UserError } from "../../protocol/errors.ts";
import { type CommandDescription, readFlags } from "../flags.ts";

/** What a command line says; what is not there was not given. */
export interface ClientFlags
  extends
    Pick<Partial<RunConfig>, "textColumn" | "labelColumn" | "device" | "threads" | "baseDtype">,
    Pick<Partial<RunConfig>, "recompute" | "format" | "offline" | "cacheDir"> {
  /** The server's address or an invitation. */
  readonly server?: string;
  /** The client's name, for people. */
  readonly name?: string;
  /** Data file. */
  readonly data?: string;
  /** Folder, hub id, or "server". */
  readonly model?: string;
  /** Of a hub model. */
  readonly revision?: string;
  /** The wanted rank. */
  readonly rank?: number;
  /** Share of the own rows that are held out. */
  readonly heldOut?: number;
  /** Whether the client scores banks instead of training. */
  readonly evaluate?: boolean;
  /** Folder for what the client must not forget. */
  readonly state?: string;
  /** Folder for the final adapter. */
  readonly out?: string;
}

const kinds = {
  server: text("<url>"),
  name: text("<name>"),
  data: text("<file>"),
  model: text("<folder|id>"),
  revision: text("<name>"),
  rank: whole({ least: 1 }),
  heldOut: number({ least: 0, below: 1 }),
  state: text("<folder>"),
  out: text("<folder>"),
} satisfies Record<string, Kind<unknown>>;

const helps: Readonly<Record<keyof typeof kinds, [topic: string, help: string]>> = {
  server: ["Run", "the invitation as the administrator sent it; later its address, or nothing"],
  name: ["Run", "the client's name, for people; later starts need nothing else"],
  state: [
    "Run",
    "folder for the client's key and whatever it must not forget (default: hafl-clients/<name>)",
  ],
  out: ["Run", "folder for the final adapter (default: it is not kept)"],
  rank: ["Run", "components a module to train, where the run leaves it to the client"],
  data: [
    "Data",
    "texts to train on, or conversations, labelled where the run learns labels: .jsonl or .csv, each also with .gz",
  ],
  heldOut: [
    "Data",
    "share of the rows to score with instead, 0 for none (default: 0.1); without effect where the data marks rows for validation",
  ],
  model: [
    "Model",
    'the base model: folder, hub id, or "server" to download it from there (default: what the run names)',
  ],
  revision: ["Model", "branch, tag or commit of a hub model (default: what the run names)"],
};

const shared = [
  "textColumn",
  "labelColumn",
  "device",
  "threads",
  "baseDtype",
  "recompute",
  "format",
  "offline",
  "cacheDir",
] as const satisfies readonly SettingKey[];

const description: CommandDescription = {
  name: "deno task client",
  summary: "Takes part in a federation: trains on data that stays here, and sends adapters only.",
  settings: shared,
  options: [
    ...Object.entries(helps).map(([key, [topic, help]]) =>
      new Option(`${flagName(key)} ${kinds[key as keyof typeof kinds].placeholder}`, help)
        .helpGroup(`${topic}:`)
    ),
    new Option("--evaluate", "score published adapters with --data instead of training")
      .helpGroup("Run:"),
  ],
};

/**
 * Reads the command line.
 *
 * @throws UserError for an unknown flag and for a value that is not allowed.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readClientFlags } from "./flags.ts";
 * const flags = await readClientFlags(["--name", "ana", "--held-out", "0.2"]);
 * assert.deepEqual(flags, { name: "ana", heldOut: 0.2 });
 * ```
 */
export async function readClientFlags(args: readonly string[]): Promise<ClientFlags> {
  const { settings, own } = await readFlags(args, description);
  const checked: Record<string, unknown> = {};
  // A file of settings may be shared with other commands.
  for (const key of shared) if (Object.hasOwn(settings, key)) checked[key] = settings[key];
  for (const [key, given] of Object.entries(own)) {
    checked[key] = typeof given === "string" ? check(key as keyof typeof kinds, given) : given;
  }
  return checked;
}

function check(key: keyof typeof kinds, given: string): unknown {
  const kind: Kind<unknown> = kinds[key];
  const value = kind.check(kind.fromText(given));
  if (value !== undefined) return value;
  throw new UserError(
    `Cannot use ${flagName(key)}: expected ${kind.expected}, got ${JSON.stringify(given)}`,
  );
}
