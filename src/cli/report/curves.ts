/**
 * The report's line charts, made of a run's records.
 *
 * @module
 */
import { percentText } from "../units.ts";
import { lineChart } from "./line_chart.ts";
import { type Measured, measuredByBytes, measuredByTier, roundAxis } from "./measured_curves.ts";
import type { LabelledRun, ReportedRun } from "./report.ts";

const accuracyAxis = {
  format: (value: number) => percentText(value, 0),
  precise: percentText,
  fromZero: true,
};

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
    x: roundAxis,
    y: accuracyAxis,
    level: { name: "chance", y: summary.chance },
    mark: {
      x: summary.best.round,
      y: summary.best.accuracy,
      text: `best ${percentText(summary.best.accuracy)}`,
    },
  });
}

/** Validation accuracy against all bytes the clients have sent so far. */
export function accuracyByBytes(run: LabelledRun): string {
  return measuredByBytes("Validation accuracy by bytes sent to the server", accuraciesOf(run));
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
    x: roundAxis,
    y: {
      format: (value) => value.toFixed(2),
      precise: (value) => value.toFixed(2),
      fromZero: false,
    },
  });
}

/** Accuracy of what each tier holds right after a distribution, beside the model that was distributed. */
export function accuracyByTier(run: LabelledRun): string {
  return measuredByTier("Accuracy after distribution, by rank", run.config, accuraciesOf(run));
}

function accuraciesOf({ records, summary }: LabelledRun): Measured {
  return {
    rounds: records.map(({ round, cumulativeUp, accuracy, perTier }) => ({
      round,
      cumulativeUp,
      value: accuracy,
      tiers: perTier.map(({ rank, accuracyAfterDistribution: value }) => ({ rank, value })),
    })),
    y: accuracyAxis,
    level: { name: "chance", y: summary.chance },
  };
}
