/**
 * The round as a client lives it: take the download, train locally, send the update. Web APIs only: a browser will run this too.
 *
 * A client is stateless between rounds unless told to keep its optimizer state: Adam's moments and the sensitivities start at zero, and every
 * random draw is keyed by (run seed, round, client, purpose).
 *
 * @module
 */

import { drawGroups } from "../data/batches.ts";
import type { ModelRow } from "../data/types.ts";
import { countSteps, type OptimizerSettings } from "../lora/optimizer_settings.ts";
import { type Schedule, scheduleFactor } from "../lora/schedule.ts";
import {
  installAdapter,
  installOptimizerState,
  type OptimizerState,
  readAdapter,
  readOptimizerState,
  readSensitivity,
  type SeededBatch,
  type Session,
  train,
  type TrainingStep,
} from "../lora/session.ts";
import type { AdapterLayout } from "../protocol/bank.ts";
import { UserError } from "../protocol/errors.ts";
import {
  applyDownload,
  type ClientAdapter,
  decodeDownload,
  type EncodedMessage,
  encodeUpdate,
} from "../protocol/messages/mod.ts";
import type { RankBy, ScoreKind } from "../protocol/method.ts";
import { randomSeed, randomStream } from "../protocol/random.ts";
import { rankFactor, type RankRate } from "../protocol/rank_rate.ts";
import { maskScores, mergeScores } from "../protocol/scores.ts";
import { type Deal, holdsComponents } from "../protocol/deal.ts";
import { extractUpdate } from "../protocol/update.ts";
import { type BatchSettings, stepBatches } from "./device_batches.ts";
import { scoreComponents } from "./score_components.ts";
import type { OptimizerStateRule } from "./settings/method.ts";

/** What every client of a run knows, from the run's manifest. */
export interface LocalSettings extends BatchSettings {
  /** The run's seed. */
  readonly seed: number;
  /** Ranks, modules and head. */
  readonly layout: AdapterLayout;
  /** Steps of each round. */
  readonly localSteps: number;
  /** Rows B of a batch. */
  readonly batch: number;
  /** Batches of a step. */
  readonly accumulate: number;
  /** Learning rates, decay and clipping of a step. */
  readonly optimizer: OptimizerSettings;
  /** The adapters' learning rate of a client by its rank. */
  readonly lrByRank: RankRate;
  /** Factor of the learning rates over the steps of all rounds. */
  readonly schedule: Schedule;
  /** Whether the outcome carries optimizer state for the next round. */
  readonly optimizerState: OptimizerStateRule;
  /** How the client scores its components. */
  readonly score: ScoreKind;
  /** Under `server` the scores go up with the update; under `client` they stay with the client. One that holds no component has none. */
  readonly rankBy: RankBy;
}

/** What a client has beside the run's settings. */
export interface LocalData {
  /** Its training rows, at least one; their number is its weight n_k. */
  readonly samples: readonly ModelRow[];
  /** From its last round, where it keeps optimizer state. */
  readonly state?: OptimizerState | undefined;
  /** From its last round, where it ranks for itself. */
  readonly scores?: readonly Float64Array[] | undefined;
}

/** What a client starts a round from. */
export interface ReceivedRound {
  /** The run's identifier. */
  readonly run: string;
  /** What it holds and trains. */
  readonly adapter: ClientAdapter;
}

/** What local steps made of an adapter. */
export interface TrainedAdapter extends Pick<ClientAdapter, "modules" | "head"> {
  /** [localSteps]: mean cross-entropy of each step, in nats. */
  readonly losses: Float64Array;
  /** Tokens of the steps, padding included. */
  readonly tokens: number;
  /** Per module [r]: scores of the components; undefined where the client holds none. */
  readonly scores: readonly Float64Array[] | undefined;
  /** Optimizer state after the last step; undefined under `reset`. */
  readonly state: OptimizerState | undefined;
}

/** The end of a client's round. */
export interface ClientOutcome extends Pick<TrainedAdapter, "losses" | "tokens" | "state"> {
  /** The update, encoded. */
  readonly message: EncodedMessage;
  /** Where the client ranks for itself: its scores, per module [r]; those of components it did not hold stay as they were. */
  readonly scores?: readonly Float64Array[] | undefined;
}

/** Told about each local step, counted from 1; may throw to end the run. */
export type OnStep = (step: number) => void;

/** A loss or a weight was not a finite number: training has diverged, or the device returned nonsense. */
export class DivergedError extends UserError {
  /** The class's name, for logs. */
  override name = "DivergedError";
  /** What became what, and where: "the loss became NaN at step 3 of client 2 in round 1". */
  readonly fact: string;
  /** Round and client count from 0, the step from 1; no client where it shows in what the server combined. */
  constructor(
    /** What became what: "the loss became NaN". */
    readonly what: string,
    readonly round: number,
    readonly client?: number,
    readonly step?: number,
  ) {
    const place = client === undefined
      ? `after round ${round + 1}`
      : `at step ${step} of client ${client + 1} in round ${round + 1}`;
    const fact = `${what} ${place}`;
    super(`Cannot go on: ${fact}`);
    this.fact = fact;
  }
}

/**
 * Runs a client's round on a session, from the bytes of the download to the bytes of the update.
 *
 * @throws DivergedError when a loss or a weight is not finite, before anything is sent.
 * @throws MessageError, SafetensorsError when the download is not what the layout says.
 */
export async function clientRound(
  session: Session,
  settings: LocalSettings,
  download: Uint8Array,
  data: LocalData,
  onStep: OnStep = () => {},
): Promise<ClientOutcome> {
  const received = receiveDownload(settings.layout, download);
  return await trainAndAnswer(session, settings, received, data, onStep);
}

/**
 * What a client starts a round from, by the bytes of its download.
 *
 * @throws MessageError, SafetensorsError when they are not what the layout says.
 */
export function receiveDownload(layout: AdapterLayout, bytes: Uint8Array): ReceivedRound {
  const download = decodeDownload(bytes, layout);
  return { run: download.run, adapter: applyDownload(layout, download) };
}

/**
 * Runs a client's round from what it has received to the bytes of the update.
 *
 * @throws DivergedError when a loss or a weight is not finite, before anything is sent.
 */
export async function trainAndAnswer(
  session: Session,
  settings: LocalSettings,
  { run, adapter }: ReceivedRound,
  data: LocalData,
  onStep: OnStep = () => {},
): Promise<ClientOutcome> {
  const { layout } = settings;
  const { deal } = adapter;
  const trained = await trainAdapter(session, settings, adapter, data, onStep);
  const { modules, head, losses, tokens, scores, state } = trained;
  const update = extractUpdate(layout, deal, {
    samples: data.samples.length,
    modules,
    head,
    ...(settings.rankBy === "server" && scores && { scores }),
  });
  const measured = scores?.map((values, m) => maskScores(values, deal.forward[m]));
  const before = data.scores ?? layout.modules.map(() => new Float64Array(layout.rank));
  return {
    message: encodeUpdate(layout, update, { run }),
    losses,
    tokens,
    scores: settings.rankBy === "client"
      ? mergeScores(before, measured ? [{ samples: 1, scores: measured }] : [])
      : undefined,
    state,
  };
}

/**
 * Takes a client's local steps of a round from an adapter.
 *
 * @throws DivergedError when a loss or a weight is not finite.
 */
export async function trainAdapter(
  session: Session,
  settings: LocalSettings,
  { deal, ...adapter }: ClientAdapter,
  data: LocalData,
  onStep: OnStep = () => {},
): Promise<TrainedAdapter> {
  const { round, client } = deal;
  installAdapter(session, { ...adapter, forward: deal.forward });
  installOptimizerState(session, data.state);

  let tokens = 0;
  const stepsBefore = data.state?.steps;
  const losses = await train(
    session,
    optimizerOf(settings, deal),
    deal,
    localSteps(settings, round, client, data.samples, (batches, step) => {
      tokens += batches.reduce((sum, { batch: { B, T } }) => sum + B * T, 0);
      onStep(step);
    }),
    stepsBefore,
  );
  const steps = countSteps(session.adapted.layout, deal, losses.length, stepsBefore);
  // A GPU is waited for once for all of them.
  const [{ modules, head }, sensitivity, state] = await Promise.all([
    readAdapter(session),
    holdsComponents(deal) ? readSensitivity(session) : undefined,
    settings.optimizerState === "keep" ? readOptimizerState(session, steps) : undefined,
  ]);
  checkFinite(losses, { modules, head }, round, client);
  return {
    modules,
    head,
    losses,
    tokens,
    scores: sensitivity && scoreComponents(settings, modules, sensitivity, round, client),
    state,
  };
}

function optimizerOf({ optimizer, lrByRank, layout }: LocalSettings, { indices }: Deal) {
  const factor = rankFactor(lrByRank, layout.rank, indices);
  return { ...optimizer, learningRate: factor * optimizer.learningRate };
}

function checkFinite(
  losses: Float64Array,
  { modules, head }: Pick<ClientAdapter, "modules" | "head">,
  round: number,
  client: number,
): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) {
    throw new DivergedError(`the loss became ${losses[bad]}`, round, client, bad + 1);
  }
  // Losses are those before each step, so that only the weights tell of the last one.
  const weights = [...modules.flatMap(({ a, b }) => [a, b]), ...head.map(({ data }) => data)];
  const worst = weights.flatMap((data) => data.find((value) => !Number.isFinite(value)) ?? [])[0];
  if (worst === undefined) return;
  throw new DivergedError(`a weight became ${worst}`, round, client, losses.length);
}

/** The steps of one client in one round; `onStep` hears of each once it has run. */
function* localSteps(
  settings: LocalSettings,
  round: number,
  client: number,
  samples: readonly ModelRow[],
  onStep: (batches: readonly SeededBatch[], step: number) => void,
): Generator<TrainingStep> {
  const { seed, batch: B, accumulate } = settings;
  const stream = randomStream(seed, "batches", round, client);
  const groups = drawGroups(samples, B * accumulate, stream);
  for (let step = 0; step < settings.localSteps; step++) {
    const batches = stepBatches(groups.next().value, B, settings).map((batch, i) => ({
      batch,
      // The first has the seed that a step of one batch has.
      seed: randomSeed(seed, "dropout", round, client, step, ...(i === 0 ? [] : [i])),
    }));
    yield {
      batches,
      factor: scheduleFactor(settings.schedule, round * settings.localSteps + step),
    };
    // The consumer asks for the next step when it has taken this one.
    onStep(batches, step + 1);
  }
}
