/** What of a simulated round differs between methods: how clients train, and whose models are evaluated. Chosen once, by the run's aggregation. @module */

import type { ModelRow } from "../data/types.ts";
import type { ModelEvaluation } from "../lora/evaluate.ts";
import type { Session } from "../lora/session.ts";
import type { AggregatorName } from "../protocol/aggregate/mod.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import type { Deal } from "../protocol/deal.ts";
import type { Attendant } from "./attendance.ts";
import type { KeptMemory } from "./client_memory.ts";
import { type CollectedUpdates, type CollectionHooks, collectUpdates } from "./collect_updates.ts";
import { evaluateBank, type OnBatch } from "./evaluate_bank.ts";
import { bankExchange, type Exchange } from "./exchange.ts";
import type { Federation } from "./federation.ts";
import { evaluateOwn, trainOwn } from "./own_models.ts";
import { stackExchange } from "./stack_exchange.ts";
import type { FederationState } from "./state.ts";

/** A run's models at one time. */
export interface RunModels {
  /** The server's. */
  readonly bank: AdapterBank;
  /** What each client remembers, its own model included where it has one. */
  readonly clients: readonly (KeptMemory | undefined)[];
}

/** How a run's models do on some rows. */
export interface ModelScores {
  /** The shared model; where clients have their own, the sum over these. */
  readonly evaluation: ModelEvaluation;
  /** Each client's own model, in order of their indices; absent where they share one. */
  readonly own?: readonly ModelEvaluation[];
}

/** A sampled client's part of a round. */
export interface ClientTurn extends Attendant {
  /** What it holds and trains. */
  readonly deal: Deal;
}

/** A round whose components are dealt. */
export interface DealtRound {
  /** The run. */
  readonly federation: Federation;
  /** Its device. */
  readonly session: Session;
  /** The state before the round. */
  readonly state: FederationState;
  /** The sampled clients, ascending. */
  readonly turns: readonly ClientTurn[];
}

/** How models are evaluated. */
export interface EvaluationOptions {
  /** Models that were evaluated on the same rows: what has not changed since need not be evaluated again. */
  readonly before?: (RunModels & ModelScores) | undefined;
  /** Called before each batch. */
  readonly onBatch?: OnBatch | undefined;
}

/** The parts of a round that are a method's own. */
export interface Course {
  /** A round from its deals to what clients have trained. */
  collect(round: DealtRound, hooks: CollectionHooks): Promise<CollectedUpdates>;
  /** Evaluates a run's models. */
  evaluate(
    federation: Federation,
    session: Session,
    models: RunModels,
    samples: readonly ModelRow[],
    options?: EvaluationOptions,
  ): Promise<ModelScores>;
}

/** The course of a run whose updates are combined by a rule. */
export function courseOf(aggregation: AggregatorName): Course {
  switch (aggregation) {
    case "local":
      return { collect: trainOwn, evaluate: evaluateOwn };
    case "flora":
      return sharing(stackExchange);
    default:
      return sharing(bankExchange);
  }
}

/** Clients train what the server shares, and what it combines is evaluated. */
function sharing(exchange: Exchange): Course {
  return {
    collect: (round, hooks) => collectUpdates(exchange, round, hooks),
    evaluate: async (federation, session, { bank }, samples, { onBatch } = {}) => ({
      evaluation: await evaluateBank(federation, session, bank, samples, onBatch),
    }),
  };
}
