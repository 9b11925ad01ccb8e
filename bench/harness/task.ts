/** What the two tasks share: flags, running the contests, results as JSON. @module */

import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../../src/protocol/errors.ts";
import { readCount, readThreads, THREADS } from "./arguments.ts";
import { type Contest, type Outcome, type Row, rowOf, runContest } from "./contest.ts";
import { describeMachine, type Machine, machineLine } from "./machine.ts";
import type { Facts } from "./repetitions.ts";

/** What a task is. */
export interface Task {
  readonly name: string;
  readonly summary: string;
  /** Where the results go if not told otherwise. */
  readonly out: string;
  /** Whether it takes `--python`. */
  readonly python: boolean;
}

/** Flags of a task. */
export interface TaskOptions {
  /** Part of a contest's name; all contests where absent. */
  readonly only: string | undefined;
  readonly repetitions: number;
  readonly threads: number;
  /** File for the results. */
  readonly out: string;
  /** Python with PyTorch. */
  readonly python: string | undefined;
}

/** Results as written. */
export interface Results {
  readonly date: string;
  readonly machine: Machine;
  readonly repetitions: number;
  /** Threads of everything on the CPU. */
  readonly threads: number;
  readonly rows: readonly Row[];
  /** What each program measured, by contest and name. */
  readonly contests: Readonly<Record<string, Readonly<Record<string, Outcome>>>>;
}

/** Runs a task with its flags; a user's mistake ends it with one line and exit code 2, as a command's does. */
export async function runTask(
  task: Task,
  run: (options: TaskOptions) => Promise<void>,
): Promise<void> {
  if (Deno.args.some((word) => word === "--help" || word === "-h")) {
    console.log(helpText(task));
    return;
  }
  try {
    const options = readTaskOptions(Deno.args, task);
    await checkFolder(options.out);
    await run(options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}

function helpText({ name, summary, out, python }: Task): string {
  return [
    `Usage: ${name} [flags]`,
    "",
    summary,
    "",
    "  --only PART         only the contests whose name holds this, such as cpu or minilm",
    "  --repetitions N     measurements of each program (default: 3)",
    `  --threads N         threads of everything on the CPU (default: ${defaultThreads()})`,
    ...(python ? ["  --python PATH       a Python with PyTorch (default: the first found)"] : []),
    `  --out FILE          where the results go as JSON (default: ${out})`,
  ].join("\n");
}

const defaultThreads = (): number => Math.min(THREADS, navigator.hardwareConcurrency);

/** Minutes of measurements must not be lost for want of a folder. */
async function checkFolder(out: string): Promise<void> {
  const folder = dirname(out);
  const there = await Deno.stat(folder).then(({ isDirectory }) => isDirectory, () => false);
  if (!there) throw new UserError(`Cannot write "${out}": expected a folder "${folder}", got none`);
}

/**
 * Reads a task's flags.
 *
 * @throws UserError for an unknown flag or a number that cannot be.
 */
export function readTaskOptions(
  given: readonly string[],
  { out, python }: Pick<Task, "out" | "python">,
): TaskOptions {
  try {
    const { values } = parseArgs({
      args: [...given],
      options: {
        only: { type: "string" },
        repetitions: { type: "string", default: "3" },
        threads: { type: "string", default: String(defaultThreads()) },
        out: { type: "string", default: out },
        python: { type: "string" },
      },
    });
    if (!python && values.python !== undefined) {
      throw new UserError("Unknown option '--python': only the task with peers has it");
    }
    return {
      only: values.only,
      repetitions: readCount("repetitions", values.repetitions),
      threads: readThreads(values.threads),
      out: values.out,
      python: values.python,
    };
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}

/**
 * Runs the contests that were asked for, one after the other; tells on stderr what is going on.
 *
 * @throws UserError when there is no such contest.
 */
export async function runContests(
  contests: readonly Contest[],
  { only, repetitions, threads }: TaskOptions,
): Promise<Results> {
  const chosen = contests.filter(({ name }) => only === undefined || name.includes(only));
  if (chosen.length === 0) {
    const names = contests.map(({ name }) => name).join(", ");
    throw new UserError(`Cannot measure "${only}": expected part of one of ${names}`);
  }
  const machine = await describeMachine();
  console.log(machineLine(machine));
  console.log(
    `${threads} threads on the CPU; best of ${repetitions} repetitions of at least half a second each, after a warm-up\n`,
  );
  const rows: Row[] = [];
  const results: Record<string, Record<string, Outcome>> = {};
  for (const contest of chosen) {
    console.error(`… ${contest.name}: ${Object.keys(contest.subjects).join(", ")}`);
    const outcomes = await runContest(contest, repetitions);
    results[contest.name] = Object.fromEntries(outcomes);
    rows.push(...contest.rows.map((plan) => rowOf(plan, outcomes)));
  }
  const date = new Date().toISOString();
  return { date, machine, repetitions, threads, rows, contests: results };
}

/** The rows that lack a figure, and why. */
export function missingLines({ rows }: Pick<Results, "rows">): string[] {
  return rows.flatMap(({ what, peer, missing }) =>
    missing === undefined
      ? []
      : [`- not measured: ${what}${peer ? `, beside ${peer.title}` : ""}: ${missing}`]
  );
}

/** What each program said of its set-up. */
export function factLines({ contests }: Pick<Results, "contests">): string[] {
  return Object.entries(contests).flatMap(([contest, outcomes]) =>
    Object.entries(outcomes).flatMap(([name, outcome]) =>
      "missing" in outcome ? [] : [`- ${contest}, ${name}: ${factText(outcome.facts)}`]
    )
  );
}

function factText(facts: Facts): string {
  return Object.entries(facts).map(([name, value]) => `${name} ${value}`).join(", ");
}

/** Writes the results as JSON, by a temporary name. A program of ours that failed makes the task fail; an absent peer does not. */
export async function writeResults(path: string, results: Results): Promise<void> {
  const temporary = `${path}.new`;
  await Deno.writeTextFile(temporary, `${JSON.stringify(results, null, 2)}\n`);
  await Deno.rename(temporary, path);
  console.log(`\nWritten to ${path}`);
  if (ownFailed(results)) Deno.exitCode = 1;
}

/** Whether a program of ours could not be measured. */
export function ownFailed({ contests }: Pick<Results, "contests">): boolean {
  return Object.values(contests).some(({ ours }) => ours !== undefined && "missing" in ours);
}
