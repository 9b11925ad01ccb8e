/** Claims about test rows, against the settings of the runs that they are judged by. @module */

import { UserError } from "../protocol/errors.ts";
import type { PlannedRun } from "./grid.ts";
import type { Study } from "./study.ts";

/**
 * Refuses a claim about test rows where a run that it is judged by does not evaluate them.
 *
 * @param runs the runs of the grid
 * @throws UserError naming the claim.
 */
export function checkTestRows({ claims }: Study, runs: readonly PlannedRun[]): void {
  claims.forEach(({ metric, method, than, cells }, at) => {
    if (metric !== "testAtFinal" && metric !== "testAtBest") return;
    const blind = runs.find((run) =>
      (run.method === method || run.method === than) && (cells?.includes(run.cell) ?? true) &&
      !run.config.evalTest
    );
    if (blind === undefined) return;
    throw new UserError(
      `Cannot check claims[${at}]: its ${metric} needs the test rows, which ${blind.method} in ` +
        `${blind.cell} leaves alone (evalTest false)`,
    );
  });
}
