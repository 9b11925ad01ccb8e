/**
 * The middle of a simulated round: the clients that were dealt to train one after the other, and their updates reach the server. Every message is
 * encoded and decoded as it would be over a network, so that its bytes are counted and its rounding is the same.
 *
 * @module
 */

import type { Session } from "../lora/session.ts";
import type { Deal } from "../protocol/deal.ts";
import { decodeUpdate, type EncodedMessage, type MessageSizes } from "../protocol/messages/mod.ts";
import { addBytes } from "../protocol/records.ts";
import { startScoreMerge } from "../protocol/scores.ts";
import type { ClientUpdate } from "../protocol/update.ts";
import { validateUpdate } from "../protocol/validate_update.ts";
import type { ClientMemory, KeepMemory, KeptMemory } from "./client_memory.ts";
import { type OnStep, type ReceivedRound, trainAndAnswer } from "./client_round.ts";
import type { DealtRound } from "./course.ts";
import type { Exchange } from "./exchange.ts";
import type { Federation } from "./federation.ts";
import { countLosses, startTally, type Tally } from "./tally.ts";

/** A local step that has just been taken; round, client, step and place count from 1. */
export interface StepEvent {
  /** The round. */
  readonly round: number;
  /** The client. */
  readonly client: number;
  /** The step within the client's round. */
  readonly step: number;
  /** The client's place among those that train in this round, in their order. */
  readonly place: number;
  /** How many train in this round. */
  readonly places: number;
}

/** Hears of every local step; may throw to end the run. */
export type StepListener = (event: StepEvent) => void;

/** A client's update on its way to the server. */
export interface SentUpdate {
  /** Its client. */
  readonly client: number;
  /** As it goes over the wire. */
  readonly message: EncodedMessage;
  /** Local steps behind it. */
  readonly steps: number;
  /** Sum of their losses, in nats. */
  readonly lossSum: number;
}

/** What a round shows from its deals to the updates that arrive. */
export interface CollectedUpdates extends Tally {
  /** Updates that will arrive in the next round, ascending by client. */
  readonly late: readonly SentUpdate[];
  /** What each of the run's clients remembers now. */
  readonly clients: readonly (KeptMemory | undefined)[];
  /** Bytes of all messages to the clients. */
  readonly downBytes: MessageSizes;
  /** Per module [r]: n_k-weighted mean of the scores that stay with the clients that trained; the bank's where there are none. */
  readonly ownScores: readonly Float64Array[];
  /** Local steps taken in this round. */
  readonly steps: number;
  /** Their tokens, padding included. */
  readonly tokens: number;
}

/** What a round's training tells its caller, and leaves to it. */
export interface CollectionHooks {
  /** Takes in what a client trained, as its update arrives; nobody holds it afterwards. */
  readonly take: (update: ClientUpdate) => void;
  /** Hears of each local step once it has run. */
  readonly onStep: StepListener;
  /** Puts away what a client remembers. */
  readonly keep: KeepMemory;
}

/**
 * Brings a round's updates to the server in client order: those of the clients that answer, each once it has trained, and between them those that
 * were late with the round before, as they were trained. No client has two: one that is late is not sampled again before its update is there.
 *
 * At any time it holds the update, and what it remembers, of one client alone, and the encoded updates that are late.
 *
 * @param exchange how the model reaches the clients.
 *
 * @throws DivergedError when a loss or a weight of a client is not finite.
 */
export async function collectUpdates(
  exchange: Exchange,
  { federation, session, state, turns }: DealtRound,
  { take, onStep, keep }: CollectionHooks,
): Promise<CollectedUpdates> {
  const { bank } = state;
  const round = state.rounds + 1;
  const clients = [...state.clients];
  const late: SentUpdate[] = [];
  const ownScores = startScoreMerge(bank.scores);
  const tally = startTally(bank);
  const places = turns.filter(({ fate }) => fate !== "vanishes").length;
  let place = 0, steps = 0, tokens = 0;
  let downBytes = await exchange.announce(federation, session, state);
  const arrive = (sent: SentUpdate, update: ClientUpdate) => {
    take(update);
    tally.add(update, { ...sent, sizes: sent.message.sizes });
  };
  const inOrder = [...state.late, ...turns].sort((one, other) => one.client - other.client);
  for (const turn of inOrder) {
    if ("message" in turn) {
      arrive(turn, decodeUpdate(turn.message.bytes, bank).update);
      continue;
    }
    const { client, fate, deal } = turn;
    const download = exchange.download(federation, bank, deal);
    downBytes = addBytes(downBytes, download.sizes);
    if (fate === "vanishes") continue;
    place++;
    const { sent, update, memory, ...trained } = await trainClient(
      federation,
      session,
      exchange.receive(federation.local, deal, download.bytes),
      deal,
      await state.clients[client]?.read(),
      (step) => onStep({ round, client: client + 1, step, place, places }),
    );
    if (memory.scores || memory.optimizer) clients[client] = await keep(client, round, memory);
    if (memory.scores) ownScores.add({ samples: update.samples, scores: memory.scores });
    steps += sent.steps;
    tokens += trained.tokens;
    if (fate === "late") late.push(sent);
    else arrive(sent, update);
  }
  const merged = ownScores.finish();
  return { ...tally.finish(), late, clients, downBytes, ownScores: merged, steps, tokens };
}

/** A client's turn, from what it received to an update that the server accepts. */
async function trainClient(
  { clients, local }: Federation,
  session: Session,
  received: ReceivedRound,
  deal: Deal,
  { scores, optimizer }: ClientMemory = {},
  onStep: OnStep,
): Promise<{ sent: SentUpdate; update: ClientUpdate; memory: ClientMemory; tokens: number }> {
  const { samples } = clients[deal.client];
  const data = { samples, scores, state: optimizer };
  const outcome = await trainAndAnswer(session, local, received, data, onStep);
  const { message, losses, tokens } = outcome;
  const { update } = decodeUpdate(message.bytes, local.layout);
  validateUpdate(local.layout, deal, update);
  return {
    sent: { client: deal.client, message, ...countLosses(losses) },
    update,
    memory: { scores: outcome.scores, optimizer: outcome.state },
    tokens,
  };
}
