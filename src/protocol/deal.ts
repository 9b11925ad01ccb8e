/**
 * The start of a round: which components each participant holds, and which of them it trains.
 *
 * @module
 */

import type { AdapterBank, AdapterLayout } from "./bank.ts";
import { allComponents, maskOf } from "./components.ts";
import type { Distribution, Factors } from "./method.ts";
import { RankError } from "./ranks.ts";
import { randomStream } from "./random.ts";
import type { ScopedSelection, Selector } from "./selection.ts";
import { warmUpDeal } from "./warm_up.ts";

/** What one client holds and trains in one round. Masks are data: r-vectors of 0 and 1, one per module. */
export interface Deal {
  /** The client's index in the run. */
  readonly client: number;
  /** The round, counted from 0. */
  readonly round: number;
  /** Per module [r]: 1 where the component takes part in the client's forward pass. */
  readonly forward: readonly Uint8Array[];
  /** Per module [r]: 1 where the client trains and uploads the component. */
  readonly train: readonly Uint8Array[];
  /** Per module: the trained components, ascending; the ones of `train`. */
  readonly indices: readonly Uint32Array[];
  /** Which factors of those the client trains and uploads. */
  readonly factors: Factors;
}

/** A client of this round. */
export interface Participant {
  /** Its index in the run. */
  readonly client: number;
  /** Its budget r_k in components per module, at most r. */
  readonly rank: number;
}

/** How components are chosen. */
export interface SelectionSettings {
  /** Chooses within one list of scores. */
  readonly selector: Selector;
  /** Spends the budget over the modules. */
  readonly scope: ScopedSelection;
  /** The run's seed. */
  readonly seed: number;
}

/** A round to deal. */
export interface RoundSettings extends SelectionSettings {
  /** The server's bank. */
  readonly bank: AdapterBank;
  /** In any order. */
  readonly participants: readonly Participant[];
  /** What a client holds and trains. */
  readonly method: Distribution;
  /** Which factors it trains; both when left out. */
  readonly factors?: Factors | undefined;
  /** Rounds 0 to warmupRounds − 1 are dealt round-robin instead of by score. */
  readonly warmupRounds: number;
  /** The round, counted from 0. */
  readonly round: number;
}

/**
 * Deals a round as the server ranks, by the bank's scores: a deal per participant, in the order of their indices. Depends on its arguments only.
 *
 * A client that ranks for itself is dealt the warm-up alike; then it makes its own choice with {@linkcode chooseComponents}, and its deal is
 * {@linkcode dealOf} that.
 *
 * @throws {RankError} when a participant's rank is not 1 to r, or below r under `full`.
 *
 * @example
 * ```ts
 * import { createBank } from "./bank.ts";
 * import { dealRound } from "./deal.ts";
 * import { greedy, selectPerModule } from "./selection.ts";
 * const modules = [{ name: "q_proj", inFeatures: 4, outFeatures: 4 }];
 * const bank = createBank({ modules, rank: 8, alpha: 16, seed: 1, head: [] });
 * const participants = [{ client: 0, rank: 2 }, { client: 1, rank: 4 }];
 * const [small] = dealRound({
 *   bank, participants, method: "freeze", scope: selectPerModule, selector: greedy,
 *   warmupRounds: 1, round: 0, seed: 1,
 * });
 * if (small.indices[0].length !== 2 || small.forward[0].includes(0)) throw new Error("holds 8, trains 2");
 * ```
 */
export function dealRound(settings: RoundSettings): Deal[] {
  const { bank, method, factors, warmupRounds, round, seed } = settings;
  const participants = settings.participants.toSorted((x, y) => x.client - y.client);
  for (const { client, rank } of participants) {
    const least = method === "full" ? bank.rank : 1;
    if (!Number.isInteger(rank) || rank < least || rank > bank.rank) {
      const range = method === "full" ? `${bank.rank} under full` : `1 to ${bank.rank}`;
      throw new RankError(
        `Cannot deal to client ${client}: expected a rank of ${range}, got ${rank}`,
      );
    }
  }
  const dealt = round < warmupRounds
    ? warmUpDeal({
      trained: bank.trained,
      budgets: participants.map(({ rank }) => rank),
      round,
      seed,
    })
    : undefined;
  return participants.map((participant, p) => {
    const indices = method === "head"
      ? bank.modules.map(() => new Uint32Array())
      : dealt?.[p] ?? chooseComponents(bank, participant, round, bank.scores, settings);
    return dealOf(bank.rank, participant.client, round, method, indices, factors);
  });
}

/**
 * The components a client trains, by score; the server from its bank's scores, a client that ranks for itself from its own.
 *
 * @param scores per module [r]; without any yet, all components tie and are drawn at random.
 *
 * @returns per module, ascending.
 */
export function chooseComponents(
  layout: Pick<AdapterLayout, "rank" | "modules">,
  { client, rank }: Participant,
  round: number,
  scores: readonly Float64Array[] | undefined,
  { selector, scope, seed }: SelectionSettings,
): Uint32Array[] {
  const known = scores ?? layout.modules.map(() => new Float64Array(layout.rank));
  return scope(known, rank, selector, randomStream(seed, "selection", round, client));
}

/** The deal that follows from a list of components to train, one per module; empty lists under `head`. */
export function dealOf(
  rank: number,
  client: number,
  round: number,
  method: Distribution,
  indices: readonly Uint32Array[],
  factors: Factors = "both",
): Deal {
  const train = indices.map((list) => maskOf(list, rank));
  const forward = method === "truncate" || method === "head"
    ? train.map((mask) => mask.slice())
    : indices.map(() => maskOf(allComponents(rank), rank));
  return { client, round, forward, train, indices, factors };
}

/** Whether a deal's client has any component in its forward pass: one that holds none measures nothing, and so reports no scores. */
export function holdsComponents({ forward }: Pick<Deal, "forward">): boolean {
  return forward.some((mask) => mask.includes(1));
}
