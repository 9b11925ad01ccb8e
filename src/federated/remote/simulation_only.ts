/** What only a simulation can do: clients over HTTP hold their own rows, and come and go as they do. @module */

import { UserError } from "../../protocol/errors.ts";
import { isServable } from "../../protocol/method.ts";
import { defaultConfig, type RunConfig } from "../run_config.ts";
import { flagName, settingText } from "../setting_text.ts";

const simulationOnly = ["pooled", "participation", "dropouts", "stragglers"] as const;

/**
 * Checks that a run with these settings can be served.
 *
 * @throws UserError when it can only be simulated.
 */
export function checkServable(config: RunConfig): void {
  const key = isServable(config.aggregation)
    ? simulationOnly.find((key) => config[key] !== defaultConfig[key])
    : "aggregation";
  if (key === undefined) return;
  throw new UserError(
    `Cannot use ${flagName(key)} ${
      settingText(config[key])
    } in a run over HTTP: only a simulation can do that`,
  );
}
