/**
 * The report's line charts, made of a run's records.
 *
 * @module
 */
import { bytesText, percentText, roundBytesText } from "../units.ts";
import { lineChart } from "./line_chart.ts";
import { methodWords } from "./method_words.ts";
import type { LabelledRun, ReportedRun } from "./report.ts";
import { tierColor } from "./style.ts";

const round = { title: "round", format: String, whole: true };
const percent = (value: number): string => percentText(value, 0);

/** Validation accuracy after each round, of all rows and for the worst client, with chance and the best round. */
export function accuracyByRound({ records, summary }: LabelledRun): string {
  return lineChart({
    name: "Validation accuracy by round",
    series: [{
      name: "validation",
      color: "var(--validation)",
      width: 2.5,
      points: records.map((record) => ({
        x: record.round,
        y: record.accuracy,
        told: `Round ${record.round}: ${percentText(record.accuracy)}`,
      })),
    }, {
      name: "worst client",
      color: "var(--server)",
      dashed: true,
      points: records.map((record) => ({
        x: record.round,
        y: record.worstClient,
        told: `Round ${record.round}, worst client: ${percentText(record.worstClient)}`,
      })),
    }],
    x: round,
    y: { format: percent, precise: percentText, fromZero: true },
    level: { name: "chance", y: summary.chance },
    mark: {
      x: summary.best.round,
      y: summary.best.accuracy,
      text: `best ${percentText(summary.best.accuracy)}`,
    },
  });
}

/** Validation accuracy against all bytes the clients have sent so far. */
export function accuracyByBytes({ records, summary }: LabelledRun): string {
  return lineChart({
    name: "Validation accuracy by bytes sent to the server",
    series: [{
      name: "validation",
      color: "var(--validation)",
      width: 2.5,
      points: records.map((record) => ({
        x: record.cumulativeUp,
        y: record.accuracy,
        told: `${bytesText(record.cumulativeUp)}: ${
          percentText(record.accuracy)
        } (round ${record.round})`,
      })),
    }],
    x: { title: "sent to the server", format: roundBytesText, from: 0 },
    y: { format: percent, precise: percentText, fromZero: true },
    level: { name: "chance", y: summary.chance },
  });
}

/** Loss on the validation rows and over the training steps. */
export function lossByRound({ records }: ReportedRun): string {
  const series = (name: string, color: string, key: "loss" | "trainLoss") => ({
    name,
    color,
    points: records.flatMap(({ round, [key]: loss }) =>
      loss === null
        ? []
        : [{ x: round, y: loss, told: `Round ${round}, ${name}: ${loss.toFixed(3)}` }]
    ),
  });
  return lineChart({
    name: "Loss by round",
    series: [
      series("training", "var(--train)", "trainLoss"),
      series("validation", "var(--validation)", "loss"),
    ],
    x: round,
    y: {
      format: (value) => value.toFixed(2),
      precise: (value) => value.toFixed(2),
      fromZero: false,
    },
  });
}

/** Accuracy of what each tier holds right after a distribution, beside the model that was distributed. */
export function accuracyByTier({ config, records, summary }: LabelledRun): string {
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
        y: tier.accuracyAfterDistribution,
        told: `Round ${record.round}, rank ${rank}: ${percentText(tier.accuracyAfterDistribution)}`,
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
      y: record.accuracy,
      told: `Round ${record.round + 1}, ${whole}: ${percentText(record.accuracy)}`,
    })),
  };
  return lineChart({
    name: "Accuracy after distribution, by rank",
    series: [...tiers, server],
    x: round,
    y: { format: percent, precise: percentText, fromZero: true },
    level: { name: "chance", y: summary.chance },
  });
}
