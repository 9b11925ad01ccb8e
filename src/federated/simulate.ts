/**
 * A round of a federation simulated on one machine: deals, downloads, local steps, uploads, aggregation, evaluation. Every message is encoded and
 * decoded as it would be over a network, so that its bytes are counted and its rounding is the same.
 *
 * @module
 */

import type { Session } from "../lora/session.ts";
import { aggregate } from "../protocol/aggregate/mod.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import type { Deal } from "../protocol/deal.ts";
import { decodeUpdate, encodeDownload } from "../protocol/messages/mod.ts";
import { addBytes, NO_BYTES, type RoundRecord } from "../protocol/records.ts";
import { mergeScores } from "../protocol/scores.ts";
import { trainedShare } from "../protocol/trained_share.ts";
import type { ClientUpdate } from "../protocol/update.ts";
import { validateUpdate } from "../protocol/validate_update.ts";
import type { ClientMemory } from "./client_memory.ts";
import { clientRound, DivergedError } from "./client_round.ts";
import { dealClients } from "./deal_clients.ts";
import { evaluateBank, type OnBatch } from "./evaluate_bank.ts";
import { evaluateTiers } from "./evaluate_tiers.ts";
import { type Federation, initialBank } from "./federation.ts";
import type { FederationState } from "./state.ts";

/** A local step that has just been taken; round, client and step count from 1. */
export interface StepEvent {
  /** The round, 1 for the first. */
  readonly round: number;
  /** The client, 1 for the first. */
  readonly client: number;
  /** The step within the client's round, 1 for the first. */
  readonly step: number;
}

/** Hears of every local step; may throw to end the run. */
export type StepListener = (event: StepEvent) => void;

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
  const everyone = federation.clients.map((_, client) => client);
  const { deals, choiceBytes } = dealClients(federation, state, everyone);
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
