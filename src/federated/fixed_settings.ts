/** Settings in which a rule that is a method of its own leaves no choice. @module */

import type { AggregatorName } from "../protocol/aggregate/mod.ts";
import { UserError } from "../protocol/errors.ts";
import { methodNamed } from "../protocol/methods/mod.ts";
import type { RunConfig } from "./run_config.ts";
import { flagName, settingText } from "./setting_text.ts";

/** A setting that has to be as it is given here. */
interface FixedSetting<Key extends keyof RunConfig = keyof RunConfig> {
  /** The setting. */
  readonly key: Key;
  /** Its only value. */
  readonly value: RunConfig[Key];
  /** Why, as it follows "as ". */
  readonly why: string;
}

const fixed: Partial<Record<AggregatorName, readonly FixedSetting[]>> = {
  flexlora: [
    { key: "optimizerState", value: "reset", why: "a component is another one after each round" },
  ],
  flora: [
    ...ownSettings("flora"),
    { key: "optimizerState", value: "reset", why: "every round trains a fresh adapter" },
    { key: "baseDtype", value: "f32", why: "rounding would lose what is merged" },
  ],
  local: [
    ...ownSettings("local"),
    { key: "rankBy", value: "server", why: "every client trains its first components" },
    { key: "serverOptimizer", value: "none", why: "nothing is combined" },
    { key: "dropouts", value: 0, why: "nothing is sent" },
    { key: "stragglers", value: 0, why: "nothing is sent" },
    { key: "proximal", value: 0, why: "nothing is received" },
  ],
};

/**
 * Checks that a run's settings leave its aggregation rule what it has to have.
 *
 * @throws UserError naming the first that does not.
 */
export function checkFixedSettings(config: RunConfig): void {
  const wrong = fixed[config.aggregation]?.find(({ key, value }) => config[key] !== value);
  if (wrong === undefined) return;
  throw new UserError(
    `Cannot use ${flagName(wrong.key)} ${settingText(config[wrong.key])} with --aggregation ` +
      `${config.aggregation}: expected ${settingText(wrong.value)}, as ${wrong.why}`,
  );
}

/** What the rule's own name stands for. */
function ownSettings(name: AggregatorName): FixedSetting[] {
  return Object.entries(methodNamed(name)!.settings)
    .map(([key, value]) => ({ key, value, why: `--method ${name} has it` }) as FixedSetting);
}
