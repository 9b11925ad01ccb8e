/**
 * Which rank a client of given means can serve in time.
 *
 * @module
 */

import type { AdapterLayout } from "./bank.ts";
import { cellCount } from "./cell_count.ts";
import type { Distribution, Factors, RankBy } from "./method.ts";

/** What a client can do, as it measured it. */
export interface ClientMeans {
  /** Seconds of one local step. */
  readonly stepSeconds: number;
  /** Bytes per second from and to the server. */
  readonly link: { readonly down: number; readonly up: number };
}

/** What a round asks of a client. */
export interface RoundDemand {
  /** Steps of local training. */
  readonly localSteps: number;
  /** Seconds from a round's opening to its deadline. */
  readonly deadlineSeconds: number;
  /** Bytes of a client's messages by its rank, see {@linkcode messageBytes}. */
  readonly bytes: (rank: number) => MessageBytes;
}

/** Bytes of a client's messages in one round. */
export interface MessageBytes {
  /** From the server. */
  readonly down: number;
  /** To the server. */
  readonly up: number;
}

/** A tier, and whether it is small enough. */
export interface TierChoice {
  /** r_k. */
  readonly rank: number;
  /** What a round takes with it. */
  readonly seconds: number;
  /** False when even the smallest tier takes too long: the client will often be late. */
  readonly fits: boolean;
}

/** Share of the deadline that a round may take by the measurements: links and machines have slower days. */
export const DEADLINE_SHARE = 0.8;

/**
 * The largest tier with which a round takes at most {@linkcode DEADLINE_SHARE} of its deadline; the smallest where none does.
 *
 *     seconds(r) = down(r) / link.down + localSteps · stepSeconds + up(r) / link.up
 *
 * The time of a step is taken to be the same with every rank: the frozen base is most of it.
 *
 * @param tiers ranks, at least one, in any order.
 *
 * @example
 * ```ts
 * import { chooseTier } from "./rank_choice.ts";
 * const bytes = (rank: number) => ({ down: 1e6, up: rank * 1e6 });
 * const means = { stepSeconds: 0.5, link: { down: 1e6, up: 1e6 } };
 * const { rank } = chooseTier([2, 4, 8], means, { localSteps: 10, deadlineSeconds: 15, bytes });
 * if (rank !== 4) throw new Error("4 takes 10 of 12 seconds, 8 would take 14");
 * ```
 */
export function chooseTier(
  tiers: readonly number[],
  { stepSeconds, link }: ClientMeans,
  { localSteps, deadlineSeconds, bytes }: RoundDemand,
): TierChoice {
  const choices = tiers.toSorted((x, y) => x - y).map((rank) => {
    const { down, up } = bytes(rank);
    const seconds = down / link.down + localSteps * stepSeconds + up / link.up;
    return { rank, seconds, fits: seconds <= DEADLINE_SHARE * deadlineSeconds };
  });
  return choices.findLast(({ fits }) => fits) ?? choices[0];
}

/** A tensor's entry in the header of a message, without its name. */
const HEADER_ENTRY = 70;

/**
 * About how many bytes a client of rank `rank` receives and sends in a round.
 *
 * @param layout the run's.
 * @param method what a client receives; under `head` the rank makes no difference.
 * @param factors what it sends of its components; both when left out.
 * @param rankBy under `server` scores go up too.
 */
export function messageBytes(
  { rank: serverRank, modules, head }: AdapterLayout,
  { method, factors, rankBy }: {
    readonly method: Distribution;
    readonly factors?: Factors;
    readonly rankBy: RankBy;
  },
  rank: number,
): MessageBytes {
  const ofHead = head.reduce(
    (sum, { name, shape }) => sum + HEADER_ENTRY + name.length + 4 * cellCount(shape),
    0,
  );
  if (method === "head") return { down: ofHead, up: ofHead };
  const out = modules.reduce((sum, { outFeatures }) => sum + outFeatures, 0);
  const both = modules.reduce((sum, { inFeatures }) => sum + inFeatures, out);
  const lists = modules.length * 4 * rank;
  const entry = modules.reduce((sum, { name }) => sum + HEADER_ENTRY + name.length, 0);
  const held = method === "truncate" ? rank : serverRank;
  const scores = rankBy === "server" ? modules.length * (4 * serverRank + HEADER_ENTRY) : 0;
  const [sent, entries] = factors === "b" ? [out, 2 * entry] : [both, 3 * entry];
  return {
    down: 4 * held * both + lists + 3 * entry + ofHead,
    up: 4 * rank * sent + lists + entries + scores + ofHead,
  };
}
