/** A worker's part of a study: one run after another, with what the next can use kept from the last. @module */

import type { LabelledData } from "../../data/mod.ts";
import type { Federation } from "../../federated/federation.ts";
import { finalScore } from "../../federated/final_score.ts";
import type { PreparedRun } from "../../federated/prepare.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { runRound, startState } from "../../federated/simulate.ts";
import { memoriesOf } from "../../federated/state.ts";
import {
  type AnyRoundRecord,
  isTokenRecord,
  type RoundRecord,
  summarizeRun,
} from "../../protocol/records.ts";
import type { StudyRound } from "../../study/result.ts";
import { type LastingSession, openLastingSession } from "../lasting_session.ts";
import { clientMemories } from "../client_memories.ts";
import { type OpenedSources, prepareRun } from "../prepare_run.ts";
import { describeRun } from "../run_facts.ts";
import { dataKeys, openData, openModelFiles } from "../sources.ts";
import type { FinishedRun } from "./messages.ts";

/** Hears of a run while it runs. */
export interface RunListener {
  note(text: string): void;
  /** A round has ended; 1 for the first. */
  round(round: number): void;
}

/** Makes runs. */
export interface Runner {
  /**
   * Runs once, from the settings to the summary.
   *
   * @throws DivergedError when a loss or a weight is not finite.
   * @throws UserError for what is wrong with settings or files.
   */
  run(config: RunConfig, listener: RunListener): Promise<FinishedRun>;
  /** Frees the device. */
  close(): Promise<void>;
}

/** Makes a runner. Texts are read anew only for other texts, and the device is opened anew only for other programs. */
export function createRunner(): Runner {
  const sources = keepSources();
  let open: { readonly key: string; readonly session: LastingSession } | undefined;

  const close = async () => {
    const last = open;
    open = undefined;
    await last?.session.close();
  };

  const sessionFor = async (
    config: RunConfig,
    { adapted, sizes, weights }: Federation,
    note: (text: string) => void,
  ): Promise<LastingSession> => {
    // Functions fall out of the text; those of an adapted model follow from its base.
    const key = JSON.stringify([config.model, config.revision, config.device, adapted, sizes]);
    if (open?.key === key) return open.session;
    const last = open?.session.device;
    await close();
    const choice = last === undefined
      ? { device: config.device, threads: config.threads }
      // Measured once: the kind of device and its variants of kernels do not change from run to run.
      : { device: last.kind, threads: config.threads, tuning: last.tuning };
    open = { key, session: await openLastingSession({ adapted, sizes, weights }, choice, note) };
    return open.session;
  };

  return {
    async run(config, listener) {
      const { files, data } = await sources(config);
      const prepared = await prepareRun(config, { files, data }, listener.note);
      const session = await sessionFor(config, prepared.federation, listener.note);
      const facts = describeRun(config, prepared, files, data, session.device);
      return { facts, ...await runRounds(config, prepared, session, listener) };
    },
    close,
  };
}

/** Opens a run's model and texts; those of the last call are kept for the next. */
export function keepSources(): (config: RunConfig) => Promise<OpenedSources> {
  let kept: { readonly key: string; readonly data: LabelledData } | undefined;
  return async (config) => {
    const files = await openModelFiles(config);
    const key = JSON.stringify(dataKeys.map((name) => config[name]));
    if (kept?.key !== key) {
      kept = undefined; // two large data sets need not fit at a time
      kept = { key, data: await openData(config) };
    }
    return { files, data: kept.data };
  };
}

async function runRounds(
  { rounds: count, out }: RunConfig,
  { federation }: PreparedRun,
  session: LastingSession,
  { round: hear }: RunListener,
): Promise<Pick<FinishedRun, "rounds" | "summary">> {
  let state = await session.run("the start", (session) => startState(federation, session));
  const memories = clientMemories(out);
  const records: RoundRecord[] = [];
  while (state.rounds < count) {
    const next = await session.run(
      `round ${state.rounds + 1}`,
      (session) => runRound(federation, session, state, { keep: memories.keep }),
    );
    state = next.state;
    records.push(requireLabelled(next.record));
    await memories.removeOthers(memoriesOf(state));
    hear(state.rounds);
  }
  const test = await session.run("the test", (session) => finalScore(federation, session, state));
  await memories.removeOthers([]);
  const { labels = 0 } = federation.adapted;
  return {
    rounds: records.map(keptOf),
    summary: summarizeRun(records, labels, test && "rows" in test ? test : undefined),
  };
}

/** Studies are of classifiers: their file is refused otherwise. */
function requireLabelled(record: AnyRoundRecord): RoundRecord {
  if (!isTokenRecord(record)) return record;
  throw new TypeError("Cannot keep a round of a language model: a study compares classifiers");
}

/** A round without the numbers of every component, which are most of its record. */
function keptOf({ scores: _scores, selected: _selected, ...round }: RoundRecord): StudyRound {
  return round;
}
