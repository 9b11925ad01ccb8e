/** Programs that take turns, and the rows of a table that come of it. @module */

import { best, type Figure, median, type Series } from "./figures.ts";
import { type Command, startSubject, type Subject, SubjectError } from "./subject.ts";

/** What the ratio of ours to a peer's figure should be. */
export interface Asked {
  readonly ratio: number;
  readonly bound: "at least" | "at most" | "less than";
}

/** A line of a table: a figure of one subject, beside another's where there is a peer. */
export interface RowPlan {
  readonly what: string;
  /** Name of the subject. */
  readonly ours: string;
  readonly figure: Figure;
  readonly peer?: {
    /** As the table calls it. */
    readonly title: string;
    /** Name of the subject; it may be ours. */
    readonly subject: string;
    /** Its figure, in the same unit; ours where absent. */
    readonly figure?: Figure;
    readonly asked?: Asked;
  };
}

/** Programs that take turns in one run. */
export interface Contest {
  /** What `--only` asks for. */
  readonly name: string;
  readonly subjects: Readonly<Record<string, Command>>;
  readonly rows: readonly RowPlan[];
}

/** What a subject came to: its series, or why there is none. */
export type Outcome = Series | { readonly missing: string };

/** A row that was measured, or not. Figures are the best of the repetitions. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours?: number;
  /** Median of ours. */
  readonly median?: number;
  readonly peer?: {
    readonly title: string;
    readonly figure?: number;
    readonly median?: number;
    /** Ours ÷ the peer's. */
    readonly ratio?: number;
    readonly asked?: Asked;
    readonly reached?: boolean;
  };
  /** Why a figure is missing. */
  readonly missing?: string;
}

/** Runs a contest: every subject is started and warmed up, then each measures in turn, so that what disturbs the machine disturbs all alike. */
export async function runContest(
  { subjects: commands }: Contest,
  repetitions: number,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const subjects = new Map<string, Subject>();
  const attempt = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SubjectError)) throw error;
      outcomes.set(name, { missing: error.message });
    }
  };
  try {
    for (const [name, command] of Object.entries(commands)) {
      await attempt(name, async () => void subjects.set(name, await startSubject(command)));
    }
    const series = new Map([...subjects].map(([name]) => [name, [] as Series["repetitions"][0][]]));
    for (let turn = 0; turn < repetitions; turn++) {
      for (const [name, subject] of subjects) {
        if (outcomes.has(name)) continue;
        await attempt(name, async () => void series.get(name)!.push(await subject.repeat()));
      }
    }
    for (const [name, subject] of subjects) {
      if (outcomes.has(name)) continue;
      const { facts } = subject;
      const peakMemory = await subject.peakMemory();
      outcomes.set(name, { facts, repetitions: series.get(name)!, peakMemory });
    }
    return outcomes;
  } finally {
    for (const subject of subjects.values()) await subject.stop();
  }
}

/** The row that a plan comes to. */
export function rowOf(
  { what, ours, figure, peer }: RowPlan,
  outcomes: ReadonlyMap<string, Outcome>,
): Row {
  const own = valuesOf(figure, outcomes.get(ours));
  const row = { what, unit: figure.unit, ...defined({ ours: own.best, median: own.median }) };
  if (peer === undefined) return { ...row, ...defined({ missing: own.missing }) };
  const other = valuesOf(peer.figure ?? figure, outcomes.get(peer.subject));
  const { title, asked } = peer;
  const ratio = own.best === undefined || other.best === undefined
    ? undefined
    : own.best / other.best;
  const reached = asked && ratio !== undefined ? reaches(ratio, asked) : undefined;
  return {
    ...row,
    peer: {
      title,
      ...defined({ figure: other.best, median: other.median, ratio, asked, reached }),
    },
    ...defined({ missing: own.missing ?? other.missing }),
  };
}

/** Whether a ratio is what was asked for. */
export function reaches(ratio: number, { ratio: asked, bound }: Asked): boolean {
  switch (bound) {
    case "at least":
      return ratio >= asked;
    case "at most":
      return ratio <= asked;
    case "less than":
      return ratio < asked;
    default:
      return bound satisfies never;
  }
}

function valuesOf(
  figure: Figure,
  outcome: Outcome | undefined,
): { best?: number | undefined; median?: number | undefined; missing?: string } {
  if (outcome === undefined) return { missing: "not run" };
  if ("missing" in outcome) return outcome;
  const value = best(figure, outcome);
  return value === undefined
    ? { missing: "this system does not tell" }
    : { best: value, median: median(figure, outcome) };
}

/** The entries that are there. */
function defined<Entries extends Record<string, unknown>>(
  entries: Entries,
): { [Key in keyof Entries]?: Exclude<Entries[Key], undefined> } {
  return Object.fromEntries(
    Object.entries(entries).filter(([, value]) => value !== undefined),
  ) as { [Key in keyof Entries]?: Exclude<Entries[Key], undefined> };
}
