import { type CurvePoint, meanCurve } from "../../../study/curves.ts";
import { tierDrops } from "../../../study/measures.ts";
import type { StudyRun } from "../../../study/result.ts";
import { runsOf } from "../../../study/study_results.ts";
import { tierColor } from "../../report/style.ts";
import { percentText } from "../../units.ts";
import { type CellContext, rankedMethods } from "./cell_context.ts";
import type { Curve } from "./curve_chart.ts";
import type { ReportFigure } from "./document.ts";
import { type Panel, panelGrid } from "./panels.ts";

/** Accuracy right after distribution by rank, of the methods where it is another than the server's; undefined where there are none. */
export function distributionFigure(context: CellContext): ReportFigure | undefined {
  const { results, cell } = context;
  const panels = rankedMethods(context).flatMap((method) =>
    methodPanel(method, runsOf(results, cell, method)) ?? []
  );
  if (panels.length === 0) return undefined;
  return {
    file: `${cell}-distribution.svg`,
    title: "Accuracy right after distribution, by rank",
    about: "What clients hold before they train, mean over seeds, beside what the round before " +
      "ended with (dashed). Methods that are not shown lose nothing.",
    figure: panelGrid(`Accuracy right after distribution by rank, ${cell}`, panels, {
      columns: 3,
      x: "round",
      format: (value) => percentText(value, 0),
    }),
  };
}

/** A method's chart; undefined where what clients hold is the server's model. */
function methodPanel(method: string, runs: readonly StudyRun[]): Panel | undefined {
  if (runs.flatMap(tierDrops).length === 0) return undefined;
  const held = runs.flatMap(({ rounds }) =>
    rounds.flatMap(({ perTier }) => perTier.map(({ rank }) => rank))
  );
  const ranks = [...new Set(held)].sort((one, other) => one - other);
  const server = before(meanCurve(runs, ({ round }) => round, ({ accuracy }) => accuracy));
  const tiers = ranks.map((rank) => afterDistribution(runs, rank));
  const differs = tiers.flat().some(({ x, y }) =>
    Math.abs(y - (server.find((point) => point.x === x)?.y ?? y)) > 0.0005
  );
  if (!differs) return undefined;
  return {
    title: method,
    curves: [
      ...tiers.map((points, place): Curve => ({
        name: `rank ${ranks[place]}`,
        look: { color: tierColor(place, ranks.length), dashed: false, core: true },
        points,
        told: `What clients of rank ${ranks[place]} hold before they train`,
      })),
      {
        name: "server",
        look: { color: "var(--server)", dashed: true, core: true },
        points: server,
        told: "What the round before ended with",
      },
    ],
    named: ranks.map((rank) => `rank ${rank}`),
  };
}

/** The model that a round distributes is the one the round before ended with. */
function before(points: readonly CurvePoint[]): CurvePoint[] {
  return points.slice(0, -1).map(({ x, y }) => ({ x: x + 1, y }));
}

function afterDistribution(runs: readonly StudyRun[], rank: number): CurvePoint[] {
  const points = meanCurve(
    runs,
    ({ round }) => round,
    // Nothing stands before the first round; and of some round a rank may have had no client.
    ({ round, perTier }) =>
      round === 1
        ? undefined
        : perTier.find((tier) => tier.rank === rank && tier.clients > 0)?.accuracyAfterDistribution,
  );
  return points.map(({ x, y }) => ({ x, y }));
}
