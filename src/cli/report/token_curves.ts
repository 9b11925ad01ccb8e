/**
 * The line charts of a report on a language model, made of the run's records.
 *
 * @module
 */
import { perplexityText } from "../units.ts";
import { lineChart } from "./line_chart.ts";
import { type Measured, measuredByBytes, measuredByTier, roundAxis } from "./measured_curves.ts";
import type { TokenRun } from "./report.ts";

const lossAxis = {
  format: (value: number) => value.toFixed(2),
  precise: (value: number) => value.toFixed(3),
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
    x: roundAxis,
    y: { format: perplexityText, precise: perplexityText, fromZero: false },
    mark: {
      x: summary.best.round,
      y: summary.best.perplexity,
      text: `best ${perplexityText(summary.best.perplexity)}`,
    },
  });
}

/** Validation loss against all bytes the clients have sent so far. */
export function lossByBytes(run: TokenRun): string {
  return measuredByBytes("Validation loss by bytes sent to the server", lossesOf(run));
}

/** Loss of what each tier holds right after a distribution, beside the model that was distributed. */
export function lossByTier(run: TokenRun): string {
  return measuredByTier("Loss after distribution, by rank", run.config, lossesOf(run));
}

function lossesOf({ records }: TokenRun): Measured {
  return {
    rounds: records.map(({ round, cumulativeUp, loss, perTier }) => ({
      round,
      cumulativeUp,
      value: loss,
      tiers: perTier.map(({ rank, lossAfterDistribution: value }) => ({ rank, value })),
    })),
    y: lossAxis,
  };
}
