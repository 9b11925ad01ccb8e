/** Settings in which a rule that is a method of its own leaves no choice. @module */

import type { AggregatorName } from "../protocol/aggregate/mod.ts";
import { methodNamed } from "../protocol/methods/mod.ts";
import type { RunConfig } from "./run_config.ts";

/** A setting that has to be as it is given here. */
export interface FixedSetting<Key extends keyof RunConfig = keyof RunConfig> {
  /** The setting. */
  readonly key: Key;
  /** Its only value. */
  readonly value: RunConfig[Key];
  /** Why, as it follows "as ". */
  readonly why: string;
}

const fixed: Partial<Record<AggregatorName, readonly FixedSetting[]>> = {
  flora: [
    ...ownSettings("flora"),
    { key: "rankBy", value: "server", why: "no component outlives its round" },
    { key: "optimizerState", value: "reset", why: "every round trains a fresh adapter" },
    { key: "baseDtype", value: "f32", why: "half precision would round away what is merged" },
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

/** The first setting of a run that its aggregation rule cannot go with. */
export function misfit(config: RunConfig): FixedSetting | undefined {
  return fixed[config.aggregation]?.find(({ key, value }) => config[key] !== value);
}

/** What the rule's own name stands for. */
function ownSettings(name: AggregatorName): FixedSetting[] {
  return Object.entries(methodNamed(name)!.settings)
    .map(([key, value]) => ({ key, value, why: `--method ${name} has it` }) as FixedSetting);
}
