/**
 * The warm-up deal: components before they have scores worth ranking.
 *
 * @module
 */

import { allComponents } from "./components.ts";
import { randomStream } from "./random.ts";

/** What {@linkcode warmUpDeal} needs. */
export interface WarmUp {
  /** Per module [r]: 1 where a client has already trained the component. */
  readonly trained: readonly Uint8Array[];
  /** Components per module of each participant, at most r. */
  readonly budgets: readonly number[];
  /** Round, counted from 0. */
  readonly round: number;
  /** The run's seed. */
  readonly seed: number;
}

/**
 * Deals components round-robin over the participants of a warm-up round, so that successive rounds train all of them and nobody is
 * over budget. A component nobody trained keeps b_i = 0, hence score 0, and greedy selection would never revive it.
 *
 * In each module the components stand in a ring: a seeded order, turned each round by what a round deals, those nobody has trained moved
 * to the front. The participants, turned by one each round, take their budgets from it one after the other. So budgets of total R cover
 * all r components within ceil(r / R) rounds, and a component whose update was lost is dealt again first.
 *
 * @returns per participant, per module, the ascending indices of its components.
 *
 * @throws {RangeError} when a budget is above r.
 *
 * @example
 * ```ts
 * import { warmUpDeal } from "./warm_up.ts";
 * const trained = [new Uint8Array(4)]; // one module of rank 4
 * const [[first], [second]] = warmUpDeal({ trained, budgets: [2, 2], round: 0, seed: 1 });
 * if (new Set([...first, ...second]).size !== 4) throw new Error("all four components are dealt");
 * ```
 */
export function warmUpDeal({ trained, budgets, round, seed }: WarmUp): Uint32Array[][] {
  const total = budgets.reduce((sum, budget) => sum + budget, 0);
  const deals: Uint32Array[][] = budgets.map(() => []);
  trained.forEach((flags, m) => {
    const rank = flags.length;
    const order = randomStream(seed, "warm-up", m).shuffle(allComponents(rank));
    const turned = order.map((_, i) => order[(i + round * total) % rank]);
    const ring = [...turned.filter((i) => !flags[i]), ...turned.filter((i) => flags[i])];
    let position = 0;
    budgets.forEach((_, turn) => {
      const participant = (turn + round) % budgets.length;
      const budget = budgets[participant];
      if (budget > rank) {
        throw new RangeError(`Cannot deal ${budget} components: expected at most ${rank}`);
      }
      const hand = Uint32Array.from({ length: budget }, (_, n) => ring[(position + n) % rank]);
      deals[participant].push(hand.sort());
      position += budget;
    });
  });
  return deals;
}
