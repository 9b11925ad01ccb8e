/**
 * The folder of a run: what lies in it, how it is written so that nothing is ever half there, and how it
 * is read back.
 *
 * ```
 * run.json          settings, versions, device: written before the first round
 * metrics.jsonl     a record of a round a line
 * checkpoint/       round-000012/: what the next round starts from
 * clients/          what clients remember of their last rounds, where they do
 * adapter/          the result, for PEFT; or
 * merged/           the result of a method that merges into the base: a model; or
 * adapters/         the clients' own adapters, for PEFT, where nothing is combined
 * report.html
 * profile.json      where the time went, of a run with --profile
 * ```
 *
 * @module
 */
import { join } from "node:path";
import type { DeviceInfo } from "../engine/device.ts";
import { UserError } from "../protocol/errors.ts";
import type { AnyRoundRecord, RunFacts } from "../protocol/records.ts";
import { laterSettings } from "../federated/later_settings.ts";
import { defaultConfig, type RunConfig } from "../federated/run_config.ts";
import { settingKeys, settings } from "../federated/settings.ts";
import type { RunProfile } from "./profile.ts";
import { removeIfThere } from "./remove_if_there.ts";
import { isLeftover, namesIn } from "./working_folder.ts";
import { writeAtomically, writeFlushed, writeWhole } from "./write_atomically.ts";

/** The folder already holds a run. */
export class RunExistsError extends UserError {
  override name = "RunExistsError";
}

/** The folder cannot be read as a run: missing, half-written, or something else lies there. */
export class RunFolderError extends UserError {
  override name = "RunFolderError";
}

/** The content of run.json. */
export interface RunFile {
  /** Tells a run of this program from any other run.json. */
  readonly kind: "hafl-run";
  readonly config: RunConfig;
  readonly facts: RunFacts;
  /** Versions of the runtime and of what the run used, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** The device, with the kernel variants in use; a resumed run stays on its kind of device. */
  readonly device: DeviceInfo;
  /** What the run was started with: hashes of the model's config and weights, of its tokenizer, and of the data file. */
  readonly hashes: { readonly model: string; readonly tokenizer: string; readonly data: string };
}

/** The state after a round, as named files' bytes. */
export interface Checkpoint {
  readonly round: number;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A run read back from its folder. */
export interface SavedRun {
  readonly run: RunFile;
  /** The records up to the checkpoint's round. */
  readonly records: readonly AnyRoundRecord[];
  readonly checkpoint: Checkpoint;
}

/** With all that lies in it. */
const whole = { recursive: true };

const runFile = "run.json";
const metricsFile = "metrics.jsonl";
const checkpointFolder = "checkpoint";
const memoryFolder = "clients";
const profileFile = "profile.json";
// run.json goes last: while it is there, an interrupted removal can be repeated.
const parts = [
  metricsFile,
  checkpointFolder,
  memoryFolder,
  "adapter",
  "merged",
  "adapters",
  "report.html",
  profileFile,
  runFile,
] as const;

/**
 * Refuses a folder that a new run must not use; writes nothing.
 *
 * @throws RunExistsError when it holds a run and `overwrite` is false
 * @throws RunFolderError when it holds anything else
 */
export async function checkRunFolder(
  path: string,
  { overwrite }: { readonly overwrite: boolean },
): Promise<void> {
  const names = (await namesIn(path)).filter((name) => !isLeftover(name));
  if (names.length === 0) return;
  if (!names.includes(runFile)) {
    throw new RunFolderError(
      `Cannot use folder "${path}" for a run: expected an empty one or a run, got other files ` +
        `("${names[0]}")`,
    );
  }
  await readRunFile(path); // throws unless the run is one of this program
  if (!overwrite) {
    throw new RunExistsError(
      `Folder "${path}" already holds a run: use --resume ${path} to continue it, or --overwrite`,
    );
  }
}

/**
 * Makes the folder ready for a new run; with `overwrite`, removes the run in it (only a run's own files).
 *
 * Call it when all input has been checked: a mistake must not cost the old run.
 *
 * @throws RunExistsError and RunFolderError as checkRunFolder does
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createRunFolder } from "./run_folder.ts";
 * const path = `${await Deno.makeTempDir()}/run`;
 * await createRunFolder(path, { overwrite: false });
 * assert.ok((await Deno.stat(path)).isDirectory);
 * ```
 */
export async function createRunFolder(
  path: string,
  { overwrite }: { readonly overwrite: boolean },
): Promise<void> {
  await checkRunFolder(path, { overwrite });
  try {
    await Deno.mkdir(path, { recursive: true });
    for (const part of parts) await removeIfThere(join(path, part), whole);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new RunFolderError(`Cannot make folder "${path}": ${error.message}`);
  }
}

/** Where a run's clients keep what they remember. */
export function clientsFolder(path: string): string {
  return join(path, memoryFolder);
}

/** Writes run.json. */
export function writeRunFile(path: string, run: RunFile): Promise<void> {
  return writeAtomically(join(path, runFile), JSON.stringify(run, null, 2) + "\n");
}

/** Writes profile.json. */
export function writeProfile(path: string, profile: RunProfile): Promise<void> {
  return writeAtomically(join(path, profileFile), JSON.stringify(profile, null, 2) + "\n");
}

/** Adds a round's line to metrics.jsonl. */
export async function appendRecord(path: string, record: AnyRoundRecord): Promise<void> {
  using file = await Deno.open(join(path, metricsFile), { append: true, create: true });
  await writeWhole(file, new TextEncoder().encode(JSON.stringify(record) + "\n"));
}

/**
 * Saves the state after a round and removes that of the round before. The new one is complete under its
 * name before the old one goes, so there is always one to go back to.
 *
 * The round's line must be in metrics.jsonl already (appendRecord).
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const folder = join(path, checkpointFolder);
  const name = checkpointName(checkpoint.round);
  const temporary = join(folder, `${name}.partial`);
  await removeIfThere(temporary, whole);
  await Deno.mkdir(temporary, { recursive: true });
  for (const [file, bytes] of checkpoint.files) await writeFlushed(join(temporary, file), bytes);
  await removeIfThere(join(folder, name), whole);
  await Deno.rename(temporary, join(folder, name));
  for (const other of await namesIn(folder)) {
    if (other !== name) await removeIfThere(join(folder, other), whole);
  }
}

/**
 * Cuts metrics.jsonl to these records, so that a resumed run writes the lines an uninterrupted one would. Call it when all input has been
 * checked.
 */
export async function cutRecords(path: string, records: readonly AnyRoundRecord[]): Promise<void> {
  const lines = records.map((record) => JSON.stringify(record) + "\n").join("");
  await writeAtomically(join(path, metricsFile), lines);
}

/**
 * Reads a run back, without changing anything.
 *
 * @throws RunFolderError when the folder is missing, is no run, or has no complete checkpoint
 */
export async function readRun(path: string): Promise<SavedRun> {
  const run = await readRunFile(path);
  const checkpoint = await readCheckpoint(path);
  const records = await readRecords(path, checkpoint.round);
  return { run, records, checkpoint };
}

async function readRunFile(path: string): Promise<RunFile> {
  const file = join(path, runFile);
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new RunFolderError(`Cannot open run "${path}": it has no ${runFile}`);
    }
    if (error instanceof SyntaxError) {
      throw new RunFolderError(`Cannot open run "${path}": ${runFile} is not valid JSON`);
    }
    if (!(error instanceof Error)) throw error;
    throw new RunFolderError(`Cannot open run "${path}": ${error.message}`);
  }
  if (isRunFile(value)) {
    const run = { ...value, config: { ...laterSettings, ...value.config } };
    if (isRunConfig(run.config)) return run;
  }
  throw new RunFolderError(
    `Cannot open run "${path}": ${runFile} was not written by this program`,
  );
}

function isRunFile(value: unknown): value is RunFile {
  return typeof value === "object" && value !== null && "kind" in value &&
    value.kind === "hafl-run" && "facts" in value && "config" in value &&
    "hashes" in value && "device" in value &&
    typeof value.config === "object" && value.config !== null;
}

/** Whether a value holds every setting, each allowed: a later version's file may not. */
function isRunConfig(value: object): boolean {
  if (!settingKeys.every((key) => key in value)) return false;
  return settingKeys.every((key) => {
    const setting = (value as RunConfig)[key];
    return setting === defaultConfig[key as keyof typeof defaultConfig] ||
      settings[key].kind.check(setting) !== undefined;
  });
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  const round = await newestRound(path);
  const files = new Map<string, Uint8Array>();
  const place = join(path, checkpointFolder, checkpointName(round));
  for (const name of await namesIn(place)) files.set(name, await Deno.readFile(join(place, name)));
  return { round, files };
}

/**
 * Checks that nobody has gone on with a run since it was read. Call it once its folder is locked.
 *
 * @throws RunFolderError when its newest checkpoint is another
 */
export async function checkUnchanged(path: string, { checkpoint }: SavedRun): Promise<void> {
  const newest = await newestRound(path);
  if (newest === checkpoint.round) return;
  throw new RunFolderError(
    `Cannot resume run "${path}" from round ${checkpoint.round}: another process has gone on with it meanwhile, to round ${newest}; run the same command again`,
  );
}

async function newestRound(path: string): Promise<number> {
  const folder = join(path, checkpointFolder);
  const rounds = (await namesIn(folder))
    .map((name) => Number(/^round-(\d+)$/.exec(name)?.[1] ?? NaN))
    .filter((round) => !Number.isNaN(round));
  if (rounds.length === 0) {
    throw new RunFolderError(
      `Cannot resume run "${path}": it has no checkpoint, as it ended before it began; start it again with --overwrite`,
    );
  }
  return Math.max(...rounds);
}

async function readRecords(path: string, rounds: number): Promise<AnyRoundRecord[]> {
  const text = await Deno.readTextFile(join(path, metricsFile)).catch((error: unknown) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  // Lines after the checkpoint's round are not looked at: the last of them may be half a line.
  const lines = text.split("\n").slice(0, rounds);
  return Array.from({ length: rounds }, (_, index) => {
    const record = parseLine(lines[index] ?? "");
    if (record?.round !== index + 1) {
      throw new RunFolderError(
        `Cannot open run "${path}": line ${index + 1} of ${metricsFile} is not the record of ` +
          `round ${index + 1}`,
      );
    }
    return record;
  });
}

function parseLine(line: string): AnyRoundRecord | undefined {
  try {
    return JSON.parse(line) as AnyRoundRecord;
  } catch {
    return undefined;
  }
}

function checkpointName(round: number): string {
  return `round-${String(round).padStart(6, "0")}`;
}
