/** One run from its sources to its folder: prepare, train round by round with checkpoints, evaluate, export, report. @module */

import { basename, join, resolve } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { createTokenizer, createTransformersTokenizer, type LabelledData } from "../data/mod.ts";
import { type DeviceInfo, DeviceLostError } from "../engine/device.ts";
import { NoAdapterError } from "../engine/webgpu/adapter.ts";
import { DivergedError } from "../federated/client_round.ts";
import type { Federation } from "../federated/federation.ts";
import { openSession } from "../federated/open_session.ts";
import { type PreparedRun, prepareFederation } from "../federated/prepare.ts";
import type { RunConfig } from "../federated/run_config.ts";
import { evaluateBank, runRound, startState } from "../federated/simulate.ts";
import { decodeState, encodeState, type FederationState } from "../federated/state.ts";
import { exportPeft } from "../lora/peft.ts";
import type { Session } from "../lora/session.ts";
import { UserError } from "../protocol/errors.ts";
import {
  type RoundRecord,
  type RunFacts,
  summarizeRun,
  type TestResult,
} from "../protocol/records.ts";
import { type ModelFiles, modelHash } from "../weights/mod.ts";
import { fileCache } from "./file_cache.ts";
import { onInterrupt } from "./interrupt.ts";
import type { Reporter } from "./progress.ts";
import { renderReport } from "./report/report.ts";
import {
  appendRecord,
  createRunFolder,
  type RunFile,
  type SavedRun,
  writeAtomically,
  writeCheckpoint,
  writeRunFile,
} from "./run_folder.ts";
import { cacheFolder, dataHash, isHubId, openData, openModelFiles } from "./sources.ts";

/** The base's weights are random until a later version pretrains them; a run on them says so. */
const RANDOM_BASE_NOTE =
  "The built-in base has random weights: good enough to try the method, not to judge it. Use --model for a pretrained one.";

/**
 * Runs a new training, or continues a saved one.
 *
 * @throws UserError for whatever is the user's to mend; nothing of an older run is touched before all input is checked.
 */
export async function runTraining(
  config: RunConfig,
  saved: SavedRun | undefined,
  reporter: Reporter,
): Promise<void> {
  const files = await openModelFiles(config);
  const data = await openData(config);
  const hashes = { model: await modelHash(files), data: await dataHash(config) };
  if (saved) checkSameSources(saved.run, hashes);
  const prepared = await prepare(config, files, data, reporter);
  const { federation } = prepared;
  // A resumed run stays on its device, measured or not: another one would not give the same bytes.
  const choice = {
    device: config.device === "auto" && saved ? saved.run.device.kind : config.device,
    threads: config.threads,
  };
  const open = () => openOrExplain(federation, choice);
  const session = { current: await open() };
  try {
    const run: RunFile = saved?.run ?? {
      kind: "hafl-run",
      config,
      facts: describeRun(config, prepared, files, data, session.current.executor.device),
      versions: { hafl: project.version, ...Deno.version },
      device: session.current.executor.device,
      hashes,
    };
    if (!saved) await createRunFolder(config.out, config);
    await writeRunFile(config.out, { ...run, config });
    announce(config, run.facts, reporter);
    const trained = await trainRounds(config, saved, federation, session, open, reporter);
    await finish(config, run.facts, prepared, session.current, trained, reporter);
  } finally {
    await session.current.executor.close();
  }
}

async function prepare(
  config: RunConfig,
  files: ModelFiles,
  data: LabelledData,
  reporter: Reporter,
): Promise<PreparedRun> {
  return await prepareFederation({
    config,
    files,
    data,
    cache: fileCache(join(cacheFolder(config), "tokens")),
    createTokenizer: config.model === null ? createTokenizer : createTransformersTokenizer,
    onProgress: (done, total) => reporter.prepare({ label: "Tokenizing texts", done, total }),
  });
}

function checkSameSources({ hashes }: RunFile, now: RunFile["hashes"]): void {
  for (const source of ["model", "data"] as const) {
    if (hashes[source] === now[source]) continue;
    throw new UserError(`Cannot resume: the ${source} is not the one this run was started with`);
  }
}

async function openOrExplain(
  federation: Federation,
  choice: Parameters<typeof openSession>[1],
): Promise<Session> {
  try {
    return await openSession(federation, choice);
  } catch (error) {
    if (error instanceof NoAdapterError) throw new UserError(error.message);
    throw error;
  }
}

function describeRun(
  config: RunConfig,
  { modelParameters, clients, federation, testRows }: PreparedRun,
  files: ModelFiles,
  data: LabelledData,
  device: DeviceInfo,
): RunFacts {
  return {
    version: project.version,
    started: new Date().toISOString(),
    device: device.threads === undefined
      ? device.description
      : `${device.description} (${device.threads} ${device.threads === 1 ? "thread" : "threads"})`,
    model: modelName(files),
    modelParameters,
    data: data.name,
    labels: data.labels,
    trainRows: data.train.length,
    validationRows: federation.validation.length,
    testRows,
    modules: federation.classifier.layout.modules.map(({ name }) => name),
    clients,
    notes: config.model === null ? [RANDOM_BASE_NOTE] : [],
  };
}

/** A hub id as it is, a folder by its own name: reports are shared, paths are private. */
function modelName({ label }: ModelFiles): string {
  return label.includes("/") && !isHubId(label) ? basename(resolve(label)) : label;
}

function announce(config: RunConfig, facts: RunFacts, reporter: Reporter): void {
  const { clients, model, modelParameters, data, trainRows, labels, device } = facts;
  const ranks = [...new Set(clients.map(({ rank }) => rank))];
  const tiers = ranks.map((rank) =>
    `${clients.filter((client) => client.rank === rank).length} of rank ${rank}`
  );
  for (const note of facts.notes) reporter.note(note);
  reporter.note(
    `Model    ${model}, ${
      modelParameters.toLocaleString("en")
    } parameters, ${facts.modules.length} modules adapted at rank ${config.rank}`,
  );
  reporter.note(
    `Data     ${data}, ${trainRows.toLocaleString("en")} training rows, ${labels.length} labels`,
  );
  reporter.note(
    `Clients  ${clients.length} (${tiers.join(", ")}), ${config.method} + ${config.aggregation}`,
  );
  reporter.note(`Device   ${device}`);
  reporter.note(`Run      ${config.out}`);
}

interface TrainedRun {
  readonly state: FederationState;
  readonly records: readonly RoundRecord[];
}

async function trainRounds(
  config: RunConfig,
  saved: SavedRun | undefined,
  federation: Federation,
  session: { current: Session },
  reopen: () => Promise<Session>,
  reporter: Reporter,
): Promise<TrainedRun> {
  const records = [...(saved?.records ?? [])];
  let state = saved
    ? decodeState(saved.checkpoint.files, config.clients)
    : await startState(federation, session.current);
  reporter.start({
    rounds: config.rounds,
    done: state.rounds,
    clients: config.clients,
    steps: config.localSteps,
  });
  using interrupt = onInterrupt(() =>
    state.rounds === 0
      ? "Stopped before the first round ended; nothing to resume"
      : `Stopped after round ${state.rounds}; continue with: deno task train --resume ${config.out}`
  );
  while (state.rounds < config.rounds) {
    const step = () =>
      runRound(federation, session.current, state, (event) => {
        interrupt.check();
        reporter.step(event);
      });
    const next = await step()
      .catch(async (error) => {
        if (!(error instanceof DeviceLostError)) throw error;
        reporter.note(`${error.message}. Restarting round ${state.rounds + 1}.`);
        await session.current.executor.close().catch(() => {});
        session.current = await reopen();
        return await step();
      })
      .catch((error) => {
        throw withCheckpoint(error, config, state.rounds);
      });
    state = next.state;
    records.push(next.record);
    await appendRecord(config.out, next.record);
    await writeCheckpoint(config.out, { round: state.rounds, files: encodeState(state) });
    reporter.round(next.record);
  }
  return { state, records };
}

/** Errors that end a run name the last state that is good. */
function withCheckpoint(error: unknown, config: RunConfig, rounds: number): unknown {
  if (!(error instanceof DivergedError || error instanceof DeviceLostError)) return error;
  const checkpoint = rounds === 0
    ? "no round had ended"
    : `the last good checkpoint is that of round ${rounds} in ${config.out}`;
  return new UserError(`${error.message}; ${checkpoint}`, { cause: error });
}

async function finish(
  config: RunConfig,
  facts: RunFacts,
  prepared: PreparedRun,
  session: Session,
  { state, records }: TrainedRun,
  reporter: Reporter,
): Promise<void> {
  const { federation } = prepared;
  const summary = summarizeRun(
    records,
    facts.labels.length,
    await testBanks(federation, session, state),
  );
  const adapter = exportPeft(state.bank, {
    baseModel: config.model ?? facts.model,
    loraDropout: config.loraDropout,
  });
  for (const [name, content] of Object.entries(adapter)) {
    await writeAtomically(join(config.out, "adapter", name), content);
  }
  await writeAtomically(
    join(config.out, "report.html"),
    renderReport({ config, facts, records, summary }),
  );
  reporter.done(summary);
  reporter.note(`Adapter  ${join(config.out, "adapter")}`);
  reporter.note(`Report   ${join(config.out, "report.html")}`);
}

async function testBanks(
  federation: Federation,
  session: Session,
  { best, bank, rounds }: FederationState,
): Promise<TestResult | undefined> {
  if (federation.test.length === 0) return undefined;
  const rows = federation.test.length;
  const final = await evaluateBank(federation, session, bank, federation.test);
  const chosen = best.round === rounds
    ? final
    : await evaluateBank(federation, session, best.bank, federation.test);
  return { rows, accuracyAtBest: chosen.correct / rows, accuracyAtFinal: final.correct / rows };
}
