/**
 * Aggregation rules: how the server combines the updates of a round. One rule a file; this is their registry.
 *
 * @module
 */

import { adaptive } from "./adaptive.ts";
import type { Aggregator } from "./aggregator.ts";
import { fedit } from "./fedit.ts";
import { zeroDelta } from "./zero_delta.ts";
import { zeroPad } from "./zero_pad.ts";

export {
  aggregate,
  type Aggregation,
  type Aggregator,
  aggregatorOf,
  type ComponentRule,
} from "./aggregator.ts";
export { adaptive, fedit, zeroDelta, zeroPad };

/** The rules' names, in the order users see them. */
export const aggregatorNames = ["adaptive", "zero-pad", "zero-delta", "fedit"] as const;

/** A key of {@linkcode aggregators}. */
export type AggregatorName = typeof aggregatorNames[number];

/** The rules by name. */
export const aggregators: Readonly<Record<AggregatorName, Aggregator>> = {
  "adaptive": adaptive,
  "zero-pad": zeroPad,
  "zero-delta": zeroDelta,
  "fedit": fedit,
};
