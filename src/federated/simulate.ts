/**
 * A round of a federation simulated on one machine: deals, downloads, local steps, uploads, aggregation, evaluation. Every message is encoded and
 * decoded as it would be over a network, so that its bytes are counted and its rounding is the same.
 *
 * @module
 */

import { evaluationBatches } from "../data/batches.ts";
import type { TokenizedSample } from "../data/types.ts";
import { evaluate, type Evaluation, installAdapter, type Session } from "../lora/session.ts";
import { aggregate } from "../protocol/aggregate/mod.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import { checkClientChoice } from "../protocol/client_choice.ts";
import { chooseComponents, type Deal, dealOf, dealRound } from "../protocol/deal.ts";
import {
  applyDownload,
  decodeChoice,
  decodeDownload,
  decodeUpdate,
  encodeChoice,
  encodeDownload,
  type MessageSizes,
} from "../protocol/messages/mod.ts";
import { addBytes, type RoundRecord, type TierRecord } from "../protocol/records.ts";
import { mergeScores } from "../protocol/scores.ts";
import { trainedShare } from "../protocol/trained_share.ts";
import type { ClientUpdate } from "../protocol/update.ts";
import { validateUpdate } from "../protocol/validate_update.ts";
import { clientRound, DivergedError, withPooling } from "./client_round.ts";
import { type Federation, initialBank } from "./federation.ts";
import type { ClientMemory, FederationState } from "./state.ts";

/** A local step that has just been taken; round, client and step count from 1. */
export interface StepEvent {
  /** The round, 1 for the first. */
  readonly round: number;
  /** The client, 1 for the first. */
  readonly client: number;
  /** The step within the client's round, 1 for the first. */
  readonly step: number;
}

/** Called before each evaluation batch; may throw to end the run. */
export type OnBatch = () => void;

/** Hears of every local step; may throw to end the run. */
export type StepListener = (event: StepEvent) => void;

const NO_BYTES: MessageSizes = { lora: 0, head: 0, overhead: 0, total: 0 };

/** The state before the first round: {@linkcode initialBank}, evaluated on the validation rows. */
export async function startState(
  federation: Federation,
  session: Session,
  onBatch?: OnBatch,
): Promise<FederationState> {
  const bank = initialBank(federation);
  const evaluation = await evaluateBank(federation, session, bank, federation.validation, onBatch);
  return {
    rounds: 0,
    bank,
    evaluation,
    best: { round: 0, correct: evaluation.correct, bank },
    clients: federation.clients.map(() => ({})),
    cumulativeUp: 0,
    cumulativeDown: 0,
  };
}

/**
 * Runs the next round: every client is dealt its components, downloads, trains and uploads; the server aggregates and evaluates. The state
 * given is not changed: when a round fails it can be run again.
 *
 * @param onStep hears of each local step before it runs.
 *
 * @returns the state after the round, and what the round showed.
 *
 * @throws DivergedError when a loss or a weight of a client, or the combined model's loss, is not finite.
 */
export async function runRound(
  federation: Federation,
  session: Session,
  state: FederationState,
  onStep: StepListener = () => {},
): Promise<{ state: FederationState; record: RoundRecord }> {
  const started = performance.now();
  const round = state.rounds;
  const { deals, choiceBytes } = dealAll(federation, state);
  const perTier = await evaluateTiers(federation, session, state, deals);

  let upBytes = choiceBytes, downBytes = NO_BYTES;
  let tokens = 0, steps = 0, lossSum = 0;
  const updates: ClientUpdate[] = [];
  const memories: ClientMemory[] = [];
  for (const deal of deals) {
    const { client } = deal;
    const download = encodeDownload(state.bank, deal, { run: federation.run });
    const { scores, optimizer } = state.clients[client];
    const outcome = await clientRound(
      session,
      federation.local,
      download.bytes,
      { samples: federation.clients[client].samples, scores, state: optimizer },
      (step) => onStep({ round: round + 1, client: client + 1, step }),
    );
    const { update } = decodeUpdate(outcome.message.bytes, state.bank);
    validateUpdate(state.bank, deal, update);
    updates.push(update);
    memories[client] = { scores: outcome.scores, optimizer: outcome.state };
    downBytes = addBytes(downBytes, download.sizes);
    upBytes = addBytes(upBytes, outcome.message.sizes);
    tokens += outcome.tokens;
    steps += outcome.losses.length;
    lossSum += outcome.losses.reduce((sum, loss) => sum + loss, 0);
  }

  const bank = aggregate(federation.server.aggregator, state.bank, updates);
  const evaluation = await evaluateBank(federation, session, bank, federation.validation);
  if (!Number.isFinite(evaluation.loss)) {
    throw new DivergedError(`the validation loss became ${evaluation.loss}`, round);
  }
  const better = evaluation.correct > state.best.correct || round === 0;
  const next: FederationState = {
    rounds: round + 1,
    bank,
    evaluation,
    best: better ? { round: round + 1, correct: evaluation.correct, bank } : state.best,
    clients: memories,
    cumulativeUp: state.cumulativeUp + upBytes.total,
    cumulativeDown: state.cumulativeDown + downBytes.total,
  };
  const seconds = (performance.now() - started) / 1000;
  return {
    state: next,
    record: {
      round: next.rounds,
      accuracy: evaluation.correct / evaluation.rows,
      loss: evaluation.loss / evaluation.rows,
      trainLoss: lossSum / steps,
      perTier,
      upBytes,
      downBytes,
      cumulativeUp: next.cumulativeUp,
      cumulativeDown: next.cumulativeDown,
      trainedShare: trainedShare(bank),
      scores: knownScores(federation, bank, memories).map((scores) => [...scores]),
      selected: countSelected(bank, deals),
      seconds,
      steps,
      tokensPerSecond: tokens / seconds,
    },
  };
}

/** The bank's accuracy and loss on some samples with all r components in the forward pass. Installs it in place of the session's adapter. */
export async function evaluateBank(
  federation: Pick<Federation, "sizes" | "local">,
  session: Session,
  bank: Pick<AdapterBank, "rank" | "modules" | "head">,
  samples: readonly TokenizedSample[],
  onBatch?: OnBatch,
): Promise<Evaluation> {
  installAdapter(session, {
    ...bank,
    forward: bank.modules.map(() => new Uint8Array(bank.rank).fill(1)),
  });
  return await evaluate(session, batchesOf(federation, samples, onBatch));
}

function* batchesOf(
  { sizes, local }: Pick<Federation, "sizes" | "local">,
  samples: readonly TokenizedSample[],
  onBatch: OnBatch = () => {},
) {
  for (
    const batch of evaluationBatches(samples, sizes.evaluationBatch, local.buckets, local.padId)
  ) {
    onBatch();
    yield withPooling(batch, local.pooling);
  }
}

/** Everyone's deal. A client that ranks for itself sends its choice first, and the server checks only its budget. */
function dealAll(
  { run, clients, server, local }: Federation,
  { bank, clients: memories, rounds: round }: FederationState,
): { deals: Deal[]; choiceBytes: MessageSizes } {
  const participants = clients.map(({ rank }, client) => ({ client, rank }));
  const dictated = local.rankBy === "server" || server.distribution === "full" ||
    round < server.warmupRounds;
  if (dictated) {
    const deals = dealRound({
      ...server.selection,
      bank,
      participants,
      method: server.distribution,
      warmupRounds: server.warmupRounds,
      round,
    });
    return { deals, choiceBytes: NO_BYTES };
  }
  let choiceBytes = NO_BYTES;
  const deals = participants.map((participant) => {
    const { client, rank } = participant;
    const { scores } = memories[client];
    const chosen = chooseComponents(bank, participant, round, scores, server.selection);
    const message = encodeChoice(bank, chosen, { run, round, client });
    choiceBytes = addBytes(choiceBytes, message.sizes);
    const { indices } = decodeChoice(message.bytes, bank);
    checkClientChoice(indices, rank, bank, server.scopeName);
    return dealOf(bank.rank, client, round, server.distribution, indices);
  });
  return { deals, choiceBytes };
}

/** What distribution costs: accuracy of the model as a client of each rank holds it before it trains. Freezing sends the whole bank, so it is the server's. */
async function evaluateTiers(
  federation: Federation,
  session: Session,
  state: FederationState,
  deals: readonly Deal[],
): Promise<TierRecord[]> {
  const ranks = [...new Set(federation.clients.map(({ rank }) => rank))].sort((x, y) => x - y);
  const tiers: TierRecord[] = [];
  for (const rank of ranks) {
    const members = deals.filter(({ client }) => federation.clients[client].rank === rank);
    // Clients that hold the same components see the same accuracy; after the warm-up that is a whole tier.
    const accuracies = new Map<string, number>();
    let sum = 0;
    for (const deal of members) {
      const held = deal.forward.join(" ");
      const accuracy = accuracies.get(held) ??
        await accuracyAsDealt(federation, session, state, deal);
      accuracies.set(held, accuracy);
      sum += accuracy;
    }
    tiers.push({ rank, clients: members.length, accuracyAfterDistribution: sum / members.length });
  }
  return tiers;
}

async function accuracyAsDealt(
  federation: Federation,
  session: Session,
  state: FederationState,
  deal: Deal,
): Promise<number> {
  const whole = deal.forward.every((mask) => !mask.includes(0));
  const { correct, rows } = whole
    ? state.evaluation
    : await evaluateDeal(federation, session, state.bank, deal);
  return correct / rows;
}

async function evaluateDeal(
  federation: Federation,
  session: Session,
  bank: AdapterBank,
  deal: Deal,
): Promise<Evaluation> {
  const { bytes } = encodeDownload(bank, deal, { run: federation.run });
  const held = applyDownload(bank, decodeDownload(bytes, bank));
  installAdapter(session, { ...held, forward: held.deal.forward });
  return await evaluate(session, batchesOf(federation, federation.validation));
}

/** The server's scores; where clients rank for themselves it has none, and a simulation can look at theirs. */
function knownScores(
  { clients, local }: Federation,
  bank: AdapterBank,
  memories: readonly ClientMemory[],
): readonly Float64Array[] {
  if (local.rankBy === "server") return bank.scores;
  const reports = clients.map(({ samples }, client) => ({
    samples: samples.length,
    scores: memories[client].scores ?? bank.scores,
  }));
  return mergeScores(bank.scores, reports);
}

function countSelected(bank: AdapterBank, deals: readonly Deal[]): number[][] {
  return bank.modules.map((_, m) =>
    Array.from(
      { length: bank.rank },
      (_, i) => deals.reduce((sum, { train }) => sum + train[m][i], 0),
    )
  );
}
