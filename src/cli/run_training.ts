/** One run from its sources to its folder: prepare, train round by round with checkpoints, evaluate, export, report. @module */

import { join } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { readTokenizerFacts } from "../data/mod.ts";
import { DeviceLostError } from "../engine/device.ts";
import { sampledClients } from "../federated/attendance.ts";
import { DivergedError } from "../federated/client_round.ts";
import type { StepEvent } from "../federated/collect_updates.ts";
import type { Federation } from "../federated/federation.ts";
import { finalScore } from "../federated/final_score.ts";
import type { RunConfig } from "../federated/run_config.ts";
import { runRound, startState } from "../federated/simulate.ts";
import { decodeState, encodeState, type FederationState, memoriesOf } from "../federated/state.ts";
import { UserError } from "../protocol/errors.ts";
import { type AnyRoundRecord, type RunFacts, summarizeAnyRun } from "../protocol/records.ts";
import { ranksText } from "../protocol/ranks.ts";
import { type ModelFiles, modelHash, readTokenizerFiles } from "../weights/mod.ts";
import { type ClientMemories, clientMemories } from "./client_memories.ts";
import { divergedAdvice } from "./diverged_advice.ts";
import { onInterrupt } from "./interrupt.ts";
import { type LastingSession, openLastingSession } from "./lasting_session.ts";
import { prepareRun } from "./prepare_run.ts";
import { profileRun, type RunProfile } from "./profile.ts";
import type { Reporter } from "./progress.ts";
import { renderReport } from "./report/report.ts";
import { rowNoun } from "./run/task_text.ts";
import { describeRun } from "./run_facts.ts";
import {
  appendRecord,
  checkUnchanged,
  clientsFolder,
  createRunFolder,
  cutRecords,
  readRun,
  type RunFile,
  type SavedRun,
  writeCheckpoint,
  writeProfile,
  writeRunFile,
} from "./run_folder.ts";
import { dataHash, openData, openModelFiles } from "./sources.ts";
import { counted, percentText } from "./units.ts";
import { lockFolder } from "./working_folder.ts";
import { writeAtomically } from "./write_atomically.ts";
import { writeResult } from "./write_result.ts";

/**
 * Runs a new training, or continues a saved one.
 *
 * @param profile whether to tell where the time went; what is computed does not depend on it.
 *
 * @throws UserError for whatever is the user's to mend; nothing of an older run is touched before all input is checked.
 */
export async function runTraining(
  config: RunConfig,
  saved: SavedRun | undefined,
  reporter: Reporter,
  profile = false,
): Promise<void> {
  const started = performance.now();
  const files = await openModelFiles(config, reporter.prepare);
  const data = await openData(config);
  if (saved) checkSameSources(saved.run, await hashSources(config, files));
  const prepared = await prepareRun(
    config,
    { files, data },
    reporter.note,
    (done, total) => reporter.prepare({ label: "Tokenizing texts", done, total }),
  );
  const { federation } = prepared;
  const preparedAt = performance.now();
  const session = await openSession(config, federation, saved, reporter, profile);
  const opened = performance.now();
  try {
    const run: RunFile = saved?.run ?? {
      kind: "hafl-run",
      config,
      facts: describeRun(config, prepared, files, data, session.device),
      versions: { hafl: project.version, ...Deno.version },
      device: session.device,
      hashes: await hashSources(config, files),
    };
    const memories = clientMemories(clientsFolder(config.out));
    const { facts, hashes: { model: baseHash } } = run;
    const job: Job = { config, facts, files, baseHash, federation, session, memories, reporter };
    announce(job);
    let done = saved?.checkpoint.round;
    using interrupt = onInterrupt(() => stoppedText(config, done));
    const start = saved
      ? decodeState(saved.checkpoint.files, config.clients, memories.open)
      : await session.run("the start", (session) =>
        startState(federation, session, interrupt.check));
    using _lock = await lockFolder(config.out);
    if (saved) await checkUnchanged(config.out, saved);
    await writeStart(job, run, saved, start);
    done = start.rounds;
    const trained = await trainRounds(
      job,
      start,
      saved?.records ?? [],
      interrupt.check,
      (rounds) => done = rounds,
    );
    await finish(job, trained, interrupt.check);
    if (profile) {
      const told = await profileOf(session, { started, prepared: preparedAt, opened }, config);
      await writeProfile(config.out, told);
      reporter.profile(told);
    }
  } catch (error) {
    const diverged = error instanceof DivergedError;
    if (!(diverged || error instanceof DeviceLostError)) throw error;
    const advice = diverged ? [divergedAdvice(config)] : [];
    const told = [error.message, ...advice, await lastCheckpoint(config)];
    throw new UserError(told.join("; "), { cause: error });
  } finally {
    await session.close();
  }
}

/** The run is done by then, whatever becomes of its profile. */
async function profileOf(
  session: LastingSession,
  times: Parameters<typeof profileRun>[1],
  { out }: RunConfig,
): Promise<RunProfile> {
  try {
    return await profileRun(session, times);
  } catch (error) {
    if (!(error instanceof DeviceLostError)) throw error;
    throw new UserError(`Cannot profile the run, which is done and in ${out}: ${error.message}`, {
      cause: error,
    });
  }
}

async function openSession(
  { device, threads }: RunConfig,
  federation: Federation,
  saved: SavedRun | undefined,
  reporter: Reporter,
  profile: boolean,
): Promise<LastingSession> {
  const choice = {
    // A resumed run stays on its kind of device and its variants of kernels, measured or not: others would not give the same bytes.
    device: device === "auto" && saved ? saved.run.device.kind : device,
    threads,
    profile,
    tuning: saved?.run.device.tuning,
    onMeasure: (done: number, total: number) =>
      reporter.prepare({ label: "Measuring kernels", done, total }),
  };
  return await openLastingSession(federation, choice, reporter.note);
}

/** What the parts of a run share. */
interface Job {
  readonly config: RunConfig;
  readonly facts: RunFacts;
  readonly files: ModelFiles;
  readonly baseHash: string;
  readonly federation: Federation;
  readonly session: LastingSession;
  readonly memories: ClientMemories;
  readonly reporter: Reporter;
}

/** Writes what the next round starts from: a new folder, or that of a saved run, cut to its checkpoint. */
async function writeStart(
  { config, memories }: Job,
  run: RunFile,
  saved: SavedRun | undefined,
  start: FederationState,
): Promise<void> {
  if (saved) await cutRecords(config.out, saved.records);
  else await createRunFolder(config.out, config);
  await memories.removeOthers(memoriesOf(start));
  await writeRunFile(config.out, { ...run, config });
  if (!saved) await writeCheckpoint(config.out, { round: 0, files: encodeState(start) });
}

/** What a user who stopped the run reads; `done` is undefined before there is a state to go on from. */
function stoppedText({ out }: RunConfig, done: number | undefined): string {
  if (done === undefined) return "Stopped before the run began; nothing was written";
  const when = done === 0 ? "before the first round ended" : `after round ${done}`;
  return `Stopped ${when}; continue with: deno task train --resume ${out}`;
}

/** Errors that end a run name the last state that is good. */
async function lastCheckpoint({ out }: RunConfig): Promise<string> {
  const saved = await readRun(out).catch(() => undefined);
  return saved === undefined || saved.checkpoint.round === 0
    ? "no round had ended"
    : `the last good checkpoint is that of round ${saved.checkpoint.round} in ${out}`;
}

function checkSameSources({ hashes }: RunFile, now: RunFile["hashes"]): void {
  for (const source of ["model", "tokenizer", "data"] as const) {
    if (hashes[source] === now[source]) continue;
    throw new UserError(`Cannot resume: the ${source} is not the one this run was started with`);
  }
}

async function hashSources(config: RunConfig, files: ModelFiles): Promise<RunFile["hashes"]> {
  const tokenizer = await readTokenizerFiles(files);
  return {
    model: await modelHash(files),
    tokenizer: (await readTokenizerFacts(tokenizer.tokenizer, tokenizer.config)).hash,
    data: await dataHash(config),
  };
}

function announce({ config, facts, reporter }: Job): void {
  const { clients, model, modelParameters, data, labels, device } = facts;
  const { trainRows, validationRows, testRows, tokens } = facts;
  const ranks = ranksText(clients.map(({ rank }) => rank));
  for (const note of facts.notes) reporter.note(note);
  reporter.note(
    `Model    ${model}, ${modelParameters.toLocaleString("en")} parameters, ${
      counted(facts.modules.length, "module")
    } adapted at rank ${config.rank}`,
  );
  const parts = (counts: readonly number[]) =>
    counts.map((count) => count.toLocaleString("en")).join(" / ");
  const rows = `${parts([trainRows, validationRows, testRows])} ${
    rowNoun(config.task)
  }s to train / validate / test`;
  reporter.note(
    tokens
      ? `Data     ${data}, ${rows}; ${
        parts([tokens.train, tokens.validation, tokens.test])
      } tokens to predict`
      : `Data     ${data}, ${labels.length} labels; ${rows}`,
  );
  reporter.note(
    `Clients  ${clients.length} (${ranks}), ${
      [methodText(config), ...attendanceTexts(config)].join(", ")
    }`,
  );
  reporter.note(`Device   ${device}`);
  reporter.note(`Run      ${config.out}`);
}

function methodText({ method, aggregation, serverOptimizer }: RunConfig): string {
  const server = serverOptimizer === "none" ? "" : ` + server ${serverOptimizer}`;
  return `${method} + ${aggregation}${server}`;
}

/** What of a round's attendance differs from everyone's, in time. */
function attendanceTexts(config: RunConfig): string[] {
  const { clients, participation, dropouts, stragglers } = config;
  return [
    ...(participation < 1 ? [`${sampledClients(config, clients)} sampled a round`] : []),
    ...(dropouts > 0 ? [`${percentText(dropouts)} of them vanish`] : []),
    ...(stragglers > 0 ? [`${percentText(stragglers)} of updates come a round late`] : []),
  ];
}

interface TrainedRun {
  readonly state: FederationState;
  readonly records: readonly AnyRoundRecord[];
}

async function trainRounds(
  { config, federation, session, memories, reporter }: Job,
  start: FederationState,
  before: readonly AnyRoundRecord[],
  check: () => void,
  onRound: (done: number) => void,
): Promise<TrainedRun> {
  const records = [...before];
  let state = start;
  reporter.start({
    rounds: config.rounds,
    done: state.rounds,
    clients: sampledClients(federation.attendance, config.clients),
    steps: config.localSteps,
  });
  const onStep = (event: StepEvent) => {
    check();
    reporter.step(event);
  };
  while (state.rounds < config.rounds) {
    check();
    const next = await session.run(
      `round ${state.rounds + 1}`,
      (session) =>
        runRound(federation, session, state, { onStep, onBatch: check, keep: memories.keep }),
    );
    state = next.state;
    records.push(next.record);
    await appendRecord(config.out, next.record);
    await writeCheckpoint(config.out, { round: state.rounds, files: encodeState(state) });
    await memories.removeOthers(memoriesOf(state));
    onRound(state.rounds);
    reporter.round(next.record);
  }
  return { state, records };
}

async function finish(
  { config, facts, files, baseHash, federation, session, reporter }: Job,
  { state, records }: TrainedRun,
  check: () => void,
): Promise<void> {
  const test = await session.run(
    "the test",
    (session) => finalScore(federation, session, state, check),
  );
  const run = summarizeAnyRun(records, facts.labels.length, test);
  const { summary } = run;
  const trained = { config, facts, files, baseHash, federation, state, summary };
  const result = await writeResult(trained, check);
  await writeAtomically(
    join(config.out, "report.html"),
    renderReport({ config, facts, ...run }),
  );
  reporter.done(summary);
  reporter.note(result);
  reporter.note(`Report   ${join(config.out, "report.html")}`);
}
