/** What the updates of a round add up to beside the model. @module */

import type { AdapterBank } from "../protocol/bank.ts";
import type { MessageSizes } from "../protocol/messages/mod.ts";
import { addBytes, NO_BYTES } from "../protocol/records.ts";
import type { ClientUpdate } from "../protocol/update.ts";

/** The local training behind an update, and its message. */
export interface UpdateFacts {
  /** Local steps. */
  readonly steps: number;
  /** Sum of their losses, in nats. */
  readonly lossSum: number;
  /** Bytes of the message. */
  readonly sizes: MessageSizes;
}

/** Sums over a round's updates. */
export interface Tally {
  /** Updates. */
  readonly arrived: number;
  /** Their bytes. */
  readonly upBytes: MessageSizes;
  /** Mean loss of the steps behind them, in nats; null where there are none. */
  readonly trainLoss: number | null;
  /** [modules][r]: how many of them trained each component. */
  readonly selected: readonly (readonly number[])[];
}

/** What the losses [steps] of a client's local steps, in nats, come to. */
export function countLosses(losses: Float64Array): Pick<UpdateFacts, "steps" | "lossSum"> {
  return { steps: losses.length, lossSum: losses.reduce((sum, loss) => sum + loss, 0) };
}

/** Starts the sums of a round. */
export function startTally(
  { rank, modules }: Pick<AdapterBank, "rank" | "modules">,
): { add(update: Pick<ClientUpdate, "indices">, facts: UpdateFacts): void; finish(): Tally } {
  const selected = modules.map(() => new Array<number>(rank).fill(0));
  let arrived = 0, stepsBehind = 0, losses = 0;
  let upBytes = NO_BYTES;
  return {
    add({ indices }, { steps, lossSum, sizes }) {
      indices.forEach((list, m) => list.forEach((i) => selected[m][i]++));
      upBytes = addBytes(upBytes, sizes);
      losses += lossSum;
      stepsBehind += steps;
      arrived++;
    },
    finish() {
      return { arrived, upBytes, trainLoss: arrived === 0 ? null : losses / stepsBehind, selected };
    },
  };
}
