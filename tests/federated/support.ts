/** Tiny federations over the models of tests/golden, with made-up tokens: no tokenizer, no files, a millisecond a step. */

import { makeBatch } from "../../src/data/batches.ts";
import type { TokenizedSample } from "../../src/data/types.ts";
import type { Device } from "../../src/engine/device.ts";
import { clientRound, type LocalSettings } from "../../src/federated/client_round.ts";
import { requireLabelled, withPooling } from "../../src/federated/device_batches.ts";
import { type Attendance, fullAttendance } from "../../src/federated/attendance.ts";
import { courseOf } from "../../src/federated/course.ts";
import type { Federation } from "../../src/federated/federation.ts";
import { type RoundHooks, runRound } from "../../src/federated/simulate.ts";
import { isLabelled } from "../../src/federated/model_scores.ts";
import type { FederationState } from "../../src/federated/state.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import type { AdaptedModel } from "../../src/lora/adapted_model.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { loadAdaptedModel } from "../../src/lora/load.ts";
import type { OptimizerKind } from "../../src/engine/ops/optimizer.ts";
import type { OptimizerSettings } from "../../src/lora/optimizer_settings.ts";
import { evaluate, type Evaluation, type ModelEvaluation } from "../../src/lora/evaluate.ts";
import type { Session } from "../../src/lora/session.ts";
import { loadAggregator } from "../../src/protocol/aggregate/load_aggregator.ts";
import type { AggregatorName } from "../../src/protocol/aggregate/mod.ts";
import type { AdapterBank, ModuleShape, NamedTensor } from "../../src/protocol/bank.ts";
import { type Deal, dealRound } from "../../src/protocol/deal.ts";
import { decodeUpdate, encodeDownload } from "../../src/protocol/messages/mod.ts";
import {
  type Distribution,
  type Factors,
  type Scope,
  scopedSelections,
} from "../../src/protocol/method.ts";
import { randomStream } from "../../src/protocol/random.ts";
import {
  type AnyRoundRecord,
  isTokenRecord,
  type RoundRecord,
} from "../../src/protocol/records.ts";
import { greedy, type Selector } from "../../src/protocol/selection.ts";
import { type ServerOptimizer, withServerOptimizer } from "../../src/protocol/server_optimizer.ts";
import type { ClientUpdate } from "../../src/protocol/update.ts";
import { readTinyModel, type TinyModel } from "../lora/support.ts";

/** Labels of the made-up task, and the longest row. */
export const [LABELS, T] = [3, 12];

/** Families of the federations here: an encoder and a decoder. */
export type TinyFamily = "bert" | "llama";

/** What a test sets; everything else is HAFL's default at tiny sizes. */
export interface TinySettings {
  readonly family?: TinyFamily;
  readonly seed?: number;
  /** The modules to adapt; all attention projections unless it is set. */
  readonly targets?: RegExp;
  /** The server's rank, and each client's. */
  readonly rank?: number;
  readonly ranks?: readonly number[];
  /** Training rows of each client. */
  readonly samples?: readonly number[];
  readonly batch?: number;
  readonly buckets?: readonly number[];
  readonly distribution?: Distribution;
  readonly factors?: Factors;
  readonly aggregator?: AggregatorName;
  readonly serverOptimizer?: ServerOptimizer;
  readonly selector?: Selector;
  readonly scope?: Scope;
  readonly warmupRounds?: number;
  readonly attendance?: Partial<Attendance>;
  readonly adapted?: Partial<AdaptedModel>;
  readonly local?: Partial<LocalSettings>;
  readonly optimizerKind?: OptimizerKind;
  readonly optimizer?: Partial<OptimizerSettings>;
}

/** AdamW as the product's default has it. */
const ADAMW: OptimizerSettings = {
  learningRate: 1e-2,
  headLearningRate: 3e-2,
  weightDecay: 0,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 1,
  proximal: 0,
  sensitivityBeta1: 0.85,
  sensitivityBeta2: 0.85,
};

const models = new Map<TinyFamily, TinyModel>();

async function tinyModel(family: TinyFamily): Promise<TinyModel> {
  const known = models.get(family) ?? await readTinyModel(family);
  models.set(family, known);
  return known;
}

/** A federation of three clients of ranks 1, 2 and 4 of 4, unless the settings say otherwise. */
export async function tinyFederation(settings: TinySettings = {}): Promise<Federation> {
  const { family = "llama", seed = 1, rank = 4, ranks = [1, 2, 4], samples = [5, 7, 9] } = settings;
  const { batch = 4, buckets = [T], distribution = "freeze", aggregator = "adaptive" } = settings;
  const { selector = greedy, scope = "module", warmupRounds = 2 } = settings;
  const { model, weights } = await tinyModel(family);
  const { targets = model.defaultTargets } = settings;
  const modules = model.modules.filter(({ name }) => targets.test(name));
  const layout = packLayout(modules, rank, model.head(LABELS, (name) => weights.has(name)));
  const optimizer = { ...ADAMW, ...settings.optimizer };
  const local: LocalSettings = {
    seed,
    layout,
    localSteps: 3,
    batch,
    accumulate: 1,
    buckets,
    padId: 0,
    pooling: "mean",
    optimizer,
    lrByRank: "equal",
    schedule: { kind: "constant", warmupSteps: 0, totalSteps: 100 },
    optimizerState: "reset",
    score: "smoothed-uncertainty",
    rankBy: "server",
    ...settings.local,
  };
  const alpha = 8;
  return {
    run: "tiny",
    adapted: {
      model,
      labels: LABELS,
      layout,
      scale: alpha / rank,
      dropout: 0,
      loraDropout: 0,
      optimizer: settings.optimizerKind ?? "adamw",
      proximal: false,
      baseDtype: "f32",
      recompute: false,
      ...settings.adapted,
    },
    sizes: {
      buckets,
      batch,
      evaluationBatch: 6,
      trainingRing: 2, // Shorter than the local steps, so that it wraps around.
      evaluationRing: 2,
    },
    weights: { load: (name) => Promise.resolve(weights.get(name)!.data) },
    local,
    server: {
      distribution,
      factors: settings.factors ?? "both",
      aggregator: withServerOptimizer(
        await loadAggregator(aggregator),
        settings.serverOptimizer,
      ),
      selection: { selector, scope: scopedSelections[scope], seed },
      scopeName: scope,
      warmupRounds,
    },
    course: courseOf(aggregator),
    alpha,
    clients: ranks.map((rank, client) => ({
      rank,
      samples: makeSamples(samples[client] ?? samples[0], "client", client),
    })),
    attendance: { ...fullAttendance, ...settings.attendance },
    validation: makeSamples(20, "validation"),
    test: makeSamples(5, "test"),
  };
}

/** Rows whose tokens tell their label: most of them come from a third of the vocabulary that is the label's own. */
export function makeSamples(count: number, ...key: (string | number)[]): TokenizedSample[] {
  const stream = randomStream(99, "tiny samples", ...key);
  return Array.from({ length: count }, () => {
    const label = stream.integer(LABELS);
    const ids = Uint32Array.from(
      { length: 3 + stream.integer(T - 2) },
      () => 4 + 20 * (stream.uniform() < 0.7 ? label : stream.integer(LABELS)) + stream.integer(20),
    );
    return { ids, label };
  });
}

/** Loads a federation on a device, gives a session to `body`, and closes it. */
export async function withFederation<Result>(
  device: Device,
  { adapted, sizes, weights }: Federation,
  body: (session: Session) => Promise<Result>,
): Promise<Result> {
  const executor = await loadAdaptedModel(device, adapted, sizes, weights);
  try {
    const { trainingRing, evaluationRing } = sizes;
    return await body({ executor, adapted, trainingRing, evaluationRing });
  } finally {
    await executor.close();
  }
}

/** Runs some rounds after a state. */
export async function runRounds(
  federation: Federation,
  session: Session,
  start: FederationState,
  rounds: number,
  hooks?: RoundHooks,
): Promise<{ state: FederationState; records: RoundRecord[] }> {
  let state = start;
  const records: RoundRecord[] = [];
  for (let round = 0; round < rounds; round++) {
    const next = await runRound(federation, session, state, hooks);
    state = next.state;
    records.push(labelRecord(next.record));
  }
  return { state, records };
}

/** A record without what the clock decides. */
export function timeless(
  { seconds: _, tokensPerSecond: __, ...record }: AnyRoundRecord,
): Omit<AnyRoundRecord, "seconds" | "tokensPerSecond"> {
  return record;
}

/** An evaluation, known to be of a classifier. */
export function labelScores(evaluation: ModelEvaluation): Evaluation {
  if (!isLabelled(evaluation)) throw new TypeError("expected an evaluation of a classifier");
  return evaluation;
}

/** A record, known to be of a classifier. */
export function labelRecord(record: AnyRoundRecord): RoundRecord {
  if (isTokenRecord(record)) throw new TypeError("expected a record of a classifier");
  return record;
}

/** The accuracy of an evaluation of a classifier. */
export function accuracyOf(evaluation: ModelEvaluation): number {
  const { correct, rows } = labelScores(evaluation);
  return correct / rows;
}

/** The deals of a state's next round, where the server ranks. */
export function dealsOf(
  { clients, server }: Federation,
  { bank, rounds }: FederationState,
): Deal[] {
  return dealRound({
    ...server.selection,
    bank,
    participants: clients.map(({ rank }, client) => ({ client, rank })),
    method: server.distribution,
    factors: server.factors,
    warmupRounds: server.warmupRounds,
    round: rounds,
  });
}

/** One client's message, decoded. */
export async function updateOf(
  federation: Federation,
  session: Session,
  bank: AdapterBank,
  deal: Deal,
): Promise<{ update: ClientUpdate; bytes: Uint8Array }> {
  const { bytes: download } = encodeDownload(bank, deal, { run: federation.run });
  const { samples } = federation.clients[deal.client];
  const { message } = await clientRound(session, federation.local, download, { samples });
  return { update: decodeUpdate(message.bytes, bank).update, bytes: message.bytes };
}

/** Logits [rows, labels] of the first validation batch with the installed adapter. */
export async function logitsOf(
  { sizes, local, validation }: Federation,
  session: Session,
): Promise<Float32Array> {
  const { evaluationBatch: rows } = sizes;
  const first = requireLabelled(validation.slice(0, rows));
  const batch = makeBatch(first, rows, local.buckets, local.padId);
  await evaluate(session, [withPooling(batch, local.pooling)]);
  return await session.executor.read(BUFFERS.logits, 0, rows * LABELS) as Float32Array;
}

/** A state in mid-run: B is not zero. */
export function withTrainedB(state: FederationState, seed = 1): FederationState {
  const modules = state.bank.modules.map((module) => {
    const stream = randomStream(seed, "tiny B", module.name);
    return { ...module, b: module.b.map(() => 0.1 * stream.normal()) };
  });
  const trained = state.bank.trained.map((flags) => flags.map(() => 1));
  return { ...state, bank: { ...state.bank, modules, trained } };
}

/** Every tensor of an adapter, by name. */
export function tensorsOf({ modules, head }: AdapterBank): Map<string, Float32Array> {
  return new Map([
    ...modules.map(({ name, a }) => [`${name} A`, a] as const),
    ...modules.map(({ name, b }) => [`${name} B`, b] as const),
    ...head.map(({ name, data }: NamedTensor) => [name, data] as const),
  ]);
}

/** The largest difference between two adapters, over all their numbers. */
export function largestChange(one: AdapterBank, other: AdapterBank): number {
  const others = tensorsOf(other);
  let largest = 0;
  for (const [name, data] of tensorsOf(one)) {
    data.forEach((value, i) => {
      const change = Math.abs(value - others.get(name)![i]);
      largest = change <= largest ? largest : Number.isNaN(change) ? Infinity : change;
    });
  }
  return largest;
}

/** The session, and how many batches it has evaluated so far. */
export function countingEvaluation(session: Session): { session: Session; batches: () => number } {
  let batches = 0;
  const executor = {
    ...session.executor,
    run(program: string) {
      if (program.startsWith("evaluate")) batches++;
      session.executor.run(program);
    },
  };
  return { session: { ...session, executor }, batches: () => batches };
}

/** Numbers of one component of all these modules. */
export function widths(modules: readonly ModuleShape[]): number {
  return modules.reduce((sum, { inFeatures, outFeatures }) => sum + inFeatures + outFeatures, 0);
}
