/**
 * The line charts of a report on a language model, made of the run's records.
 *
 * @module
 */
import { bytesText, perplexityText, roundBytesText } from "../units.ts";
import { lineChart } from "./line_chart.ts";
import { methodWords } from "./method_words.ts";
import type { TokenRun } from "./report.ts";
import { tierColor } from "./style.ts";

const round = { title: "round", format: String, whole: true };
const lossText = (value: number): string => value.toFixed(3);
const lossAxis = {
  format: (value: number) => value.toFixed(2),
  precise: lossText,
  fromZero: false,
};

/** Validation perplexity after each round, with the best one. */
export function perplexityByRound({ records, summary }: TokenRun): string {
  return lineChart({
    name: "Validation perplexity by round",
    series: [{
      name: "validation",
      color: "var(--validation)",
      width: 2.5,
      points: records.map((record) => ({
        x: record.round,
        y: record.perplexity,
        told: `Round ${record.round}: ${perplexityText(record.perplexity)}`,
      })),
    }],
    x: round,
    y: { format: perplexityText, precise: perplexityText, fromZero: false },
    mark: {
      x: summary.best.round,
      y: summary.best.perplexity,
      text: `best ${perplexityText(summary.best.perplexity)}`,
    },
  });
}

/** Validation loss against all bytes the clients have sent so far. */
export function lossByBytes({ records }: TokenRun): string {
  return lineChart({
    name: "Validation loss by bytes sent to the server",
    series: [{
      name: "validation",
      color: "var(--validation)",
      width: 2.5,
      points: records.map((record) => ({
        x: record.cumulativeUp,
        y: record.loss,
        told: `${bytesText(record.cumulativeUp)}: ${lossText(record.loss)} (round ${record.round})`,
      })),
    }],
    x: { title: "sent to the server", format: roundBytesText, from: 0 },
    y: lossAxis,
  });
}

/** Loss of what each tier holds right after a distribution, beside the model that was distributed. */
export function lossByTier({ config, records }: TokenRun): string {
  const ranks = [...new Set(records.flatMap((record) => record.perTier.map((tier) => tier.rank)))]
    .sort((one, other) => one - other);
  const tiers = ranks.map((rank, index) => ({
    name: `rank ${rank}`,
    color: tierColor(index, ranks.length),
    // Under freezing the lines coincide: the widest lies at the bottom and shows on both sides.
    width: 2 + 3 * (ranks.length - 1 - index),
    points: records.flatMap((record) =>
      record.perTier.filter((tier) => tier.rank === rank).map((tier) => ({
        x: record.round,
        y: tier.lossAfterDistribution,
        told: `Round ${record.round}, rank ${rank}: ${lossText(tier.lossAfterDistribution)}`,
      }))
    ),
  }));
  const { whole } = methodWords(config);
  const server = {
    name: whole,
    color: "var(--server)",
    dashed: true,
    // What a round distributes is what the round before ended with.
    points: records.slice(0, -1).map((record) => ({
      x: record.round + 1,
      y: record.loss,
      told: `Round ${record.round + 1}, ${whole}: ${lossText(record.loss)}`,
    })),
  };
  return lineChart({
    name: "Loss after distribution, by rank",
    series: [...tiers, server],
    x: round,
    y: lossAxis,
  });
}
