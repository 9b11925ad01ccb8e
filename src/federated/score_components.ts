import type { ModuleComponents } from "../protocol/bank.ts";
import { randomStream } from "../protocol/random.ts";
import {
  componentScores,
  magnitudeScores,
  type ModuleSensitivity,
  randomScores,
} from "../protocol/scores.ts";
import type { LocalSettings } from "./client_round.ts";

/** How important a client finds its components after its local steps, per module [r], by the run's score. */
export function scoreComponents(
  { score, seed, layout }: LocalSettings,
  modules: readonly ModuleComponents[],
  sensitivities: readonly ModuleSensitivity[],
  round: number,
  client: number,
): Float64Array[] {
  switch (score) {
    case "magnitude":
      return modules.map(magnitudeScores);
    case "random": {
      const stream = randomStream(seed, "scores", round, client);
      return modules.map(() => randomScores(layout.rank, stream));
    }
    case "smoothed":
    case "smoothed-uncertainty":
      return modules.map((module, m) => componentScores(module, sensitivities[m], score));
    default:
      return score satisfies never;
  }
}
