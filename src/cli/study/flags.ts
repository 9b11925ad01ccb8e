/** The command line of `deno task study`. It is read without commander, for a study runs where no package can be loaded. @module */

import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { accept, suggestion } from "../../federated/read_settings.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { deviceNames } from "../../federated/settings/execution.ts";
import { type Kind, whole } from "../../federated/setting_kinds.ts";
import { settings } from "../../federated/settings.ts";
import { UserError } from "../../protocol/errors.ts";

/** What to do with a study. */
const actions = ["run", "list", "prepare", "report-only"] as const;

/** What a command line asks for. */
export interface StudyFlags extends Pick<RunConfig, "device" | "cacheDir" | "offline"> {
  /** The study's file. */
  readonly file: string;
  /** The folder of its results. */
  readonly out: string;
  readonly action: typeof actions[number];
  /** Runs at a time; undefined for what the machine allows. */
  readonly jobs: number | undefined;
  /** Threads of each run. */
  readonly threads: number;
}

/** What `--help` prints. */
export const helpText = `Usage: deno task study STUDY.json [flags]

Runs the methods of a study with every seed in every cell, and reports on them. What is done is kept;
the same command goes on where it was stopped. docs/study.md describes the file.

  --out FOLDER        folder of the results (default: studies/ and the file's name)
  --jobs N            runs at a time (default: as many as the processors allow; on a GPU 1)
  --threads N         threads of each run on the CPU; results do not depend on them (default: 1)
  --device NAME       ${deviceNames.join(", ")} (default: auto, a GPU where there is one)
  --cache-dir FOLDER  folder for tokens and downloaded models
  --offline           fail instead of using the network
  --list              tell what is done and what is to do, and end
  --prepare           tokenize what the runs need, and end
  --report-only       report on what is done, and end
  -h, --help          print this help`;

/**
 * Reads a command line.
 *
 * @param args the words after the command's name
 * @returns undefined when it asks for help
 * @throws UserError for a flag or a value that cannot be.
 */
export function readStudyFlags(args: readonly string[]): StudyFlags | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    throw new UserError(
      `Cannot run a study: expected one file, got ${
        others.length > 0 ? positionals.length : "none"
      }`,
    );
  }
  const chosen = actions.filter((name) => name !== "run" && values[name]);
  if (chosen.length > 1) {
    throw new UserError(`Cannot use --${chosen[0]} with --${chosen[1]}: each ends the command`);
  }
  const read = <T>(name: keyof typeof values, kind: Kind<T>): T | undefined => {
    const text = values[name];
    if (typeof text !== "string") return undefined;
    return accept(kind, kind.fromText(text), `--${name}`);
  };
  return {
    file,
    out: read("out", settings.out.kind) ?? join("studies", basename(file).replace(/\.json$/i, "")),
    action: chosen[0] ?? "run",
    jobs: read("jobs", whole({ least: 1 })),
    threads: read("threads", settings.threads.kind) ?? 1,
    device: read("device", settings.device.kind) ?? "auto",
    cacheDir: read("cache-dir", settings.cacheDir.kind) ?? null,
    offline: values.offline ?? false,
  };
}

const options = {
  out: { type: "string" },
  jobs: { type: "string" },
  threads: { type: "string" },
  device: { type: "string" },
  "cache-dir": { type: "string" },
  offline: { type: "boolean" },
  list: { type: "boolean" },
  prepare: { type: "boolean" },
  "report-only": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    const { message } = error as Error;
    const [, unknown] = /^Unknown option '(.*?)'/.exec(message) ?? [];
    if (unknown === undefined) throw new UserError(`${message}; see --help`);
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new UserError(`Unknown flag "${unknown}"${suggestion(unknown, known, "see --help")}`);
  }
}
