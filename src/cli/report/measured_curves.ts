/**
 * The line charts of what a model is measured by, whatever that is.
 *
 * @module
 */
import type { RunConfig } from "../../federated/run_config.ts";
import { bytesText, roundBytesText } from "../units.ts";
import { type LineChart, lineChart } from "./line_chart.ts";
import { methodWords } from "./method_words.ts";
import { tierColor } from "./style.ts";
import type { ValueAxis } from "./svg.ts";

/** How the models of a run did. */
export interface Measured {
  /** In their order. */
  readonly rounds: readonly MeasuredRound[];
  readonly y: ValueAxis;
  /** A level to compare with. */
  readonly level?: NonNullable<LineChart["level"]>;
}

/** What was measured in a round. */
export interface MeasuredRound {
  readonly round: number;
  /** Bytes that the clients have sent so far. */
  readonly cumulativeUp: number;
  /** Of the validation rows, after the round. */
  readonly value: number;
  /** Of them, right after the distribution that the round begins with. */
  readonly tiers: readonly { readonly rank: number; readonly value: number }[];
}

/** The axis of rounds. */
export const roundAxis = { title: "round", format: String, whole: true };

/** What is measured after each round against all bytes that the clients have sent so far. */
export function measuredByBytes(name: string, { rounds, ...axes }: Measured): string {
  return lineChart({
    name,
    series: [{
      name: "validation",
      color: "var(--validation)",
      width: 2.5,
      points: rounds.map(({ round, cumulativeUp, value }) => ({
        x: cumulativeUp,
        y: value,
        told: `${bytesText(cumulativeUp)}: ${axes.y.precise(value)} (round ${round})`,
      })),
    }],
    x: { title: "sent to the server", format: roundBytesText, from: 0 },
    ...axes,
  });
}

/** What each tier holds right after a distribution, beside the model that was distributed. */
export function measuredByTier(
  name: string,
  config: Pick<RunConfig, "aggregation">,
  { rounds, ...axes }: Measured,
): string {
  const { precise } = axes.y;
  const ranks = [...new Set(rounds.flatMap(({ tiers }) => tiers.map(({ rank }) => rank)))]
    .sort((one, other) => one - other);
  const tiers = ranks.map((rank, index) => ({
    name: `rank ${rank}`,
    color: tierColor(index, ranks.length),
    // Under freezing the lines coincide: the widest lies at the bottom and shows on both sides.
    width: 2 + 3 * (ranks.length - 1 - index),
    points: rounds.flatMap(({ round, tiers }) =>
      tiers.filter((tier) => tier.rank === rank).map(({ value }) => ({
        x: round,
        y: value,
        told: `Round ${round}, rank ${rank}: ${precise(value)}`,
      }))
    ),
  }));
  const { whole } = methodWords(config);
  const server = {
    name: whole,
    color: "var(--server)",
    dashed: true,
    // What a round distributes is what the round before ended with.
    points: rounds.slice(0, -1).map(({ round, value }) => ({
      x: round + 1,
      y: value,
      told: `Round ${round + 1}, ${whole}: ${precise(value)}`,
    })),
  };
  return lineChart({ name, series: [...tiers, server], x: roundAxis, ...axes });
}
