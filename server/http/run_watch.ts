/**
 * Who waits for a run to change: long polls and live pages of this process, woken by its own commits at once and by those of other processes
 * after a look at the database, one for all.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** How a run stands, as far as waiting goes. */
export interface RunPulse {
  /** Changes with everything a status shows, but contacts and progress. */
  readonly revision: number;
  /** Changes only where a waiting client can have something new to do: thousands of them need not ask after every update. */
  readonly phase: string;
}

/** What somebody waits for. */
export type PulsePart = keyof RunPulse;

/** Wakes those who wait. */
export interface RunWatch {
  /**
   * Calls `changed` after each change, perhaps once too often, until the returned function is called. What is read after this call and before
   * `changed` may be kept.
   */
  subscribe(run: string, part: PulsePart, changed: () => void): () => void;
  /** Looks at once: something was committed here. */
  wake(run: string): void;
  /** How many wait. */
  readonly waiting: number;
}

/** What a watch needs. */
export interface WatchSettings {
  readonly clock: Clock;
  /** Milliseconds between two looks for other processes' changes. */
  readonly watchMs: number;
  /** How the runs stand; a run that does not exist is left out. */
  readonly pulses: (runs: readonly string[]) => Promise<ReadonlyMap<string, RunPulse>>;
  /** Told why a look failed; the next one makes up for it. */
  readonly onError: (error: unknown) => void;
}

interface Watched {
  /** As last seen; undefined before the first look. */
  pulse: RunPulse | undefined;
  readonly listeners: Set<{ readonly part: PulsePart; readonly changed: () => void }>;
}

/** Makes a watch that nobody waits for yet; it looks at nothing until somebody does. */
export function createRunWatch({ clock, watchMs, pulses, onError }: WatchSettings): RunWatch {
  const watched = new Map<string, Watched>();
  const due = new Set<string>();
  let looking = false;
  let callOff: (() => void) | undefined;

  async function look(): Promise<void> {
    if (looking) return; // what is due meanwhile is looked at right after
    looking = true;
    try {
      while (due.size > 0) {
        const runs = [...due];
        due.clear();
        const seen = await pulses(runs);
        for (const run of runs) compare(run, seen.get(run));
      }
    } catch (error) {
      onError(error);
    } finally {
      looking = false;
    }
  }

  function compare(run: string, pulse: RunPulse | undefined): void {
    const entry = watched.get(run);
    if (entry === undefined || pulse === undefined) return;
    const before = entry.pulse;
    entry.pulse = pulse;
    for (const { part, changed } of [...entry.listeners]) {
      // Before the first look nobody knows what those who wait have seen.
      if (before === undefined || before[part] !== pulse[part]) changed();
    }
  }

  function keepLooking(): void {
    callOff = clock.after(watchMs, () => {
      for (const run of watched.keys()) due.add(run);
      void look();
      keepLooking();
    });
  }

  return {
    subscribe(run, part, changed) {
      const listener = { part, changed };
      const entry = watched.get(run) ?? { pulse: undefined, listeners: new Set() };
      watched.set(run, entry);
      entry.listeners.add(listener);
      if (callOff === undefined) keepLooking();
      return () => {
        entry.listeners.delete(listener);
        if (entry.listeners.size === 0 && watched.get(run) === entry) watched.delete(run);
        if (watched.size > 0) return;
        callOff?.();
        callOff = undefined;
      };
    },
    wake(run) {
      if (!watched.has(run)) return;
      due.add(run);
      void look();
    },
    get waiting() {
      let count = 0;
      for (const { listeners } of watched.values()) count += listeners.size;
      return count;
    },
  };
}
