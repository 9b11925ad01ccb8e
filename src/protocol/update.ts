/**
 * What a client sends back after its local steps.
 *
 * @module
 */

import type { AdapterLayout, ModuleComponents, NamedTensor } from "./bank.ts";
import { gatherComponents } from "./components.ts";
import type { Deal } from "./deal.ts";
import { maskScores } from "./scores.ts";

/** The trained components of one client after one round; nothing of the frozen ones. */
export interface ClientUpdate {
  /** The client's index in the run. */
  readonly client: number;
  /** The round it trained in, counted from 0. */
  readonly round: number;
  /** Its training samples n_k, the weight of its update. */
  readonly samples: number;
  /** Per module: the components it trained, ascending. */
  readonly indices: readonly Uint32Array[];
  /** Per module [r_k, inFeatures]: rows of A, in the order of `indices`; absent where only B is trained. */
  readonly a?: readonly Float32Array[];
  /** Per module [outFeatures, r_k]: columns of B, in the order of `indices`. */
  readonly b: readonly Float32Array[];
  /** Per module [r], when the server ranks: S_i, NaN where the client did not hold the component. */
  readonly scores?: readonly (Float64Array | Float32Array)[];
  /** The whole head. */
  readonly head: readonly NamedTensor[];
}

/** A client's state at the end of a round. */
export interface ClientResult {
  /** Its training samples n_k. */
  readonly samples: number;
  /** The adapter at full rank r, in the layout's order. */
  readonly modules: readonly ModuleComponents[];
  /** The head, in the layout's order. */
  readonly head: readonly NamedTensor[];
  /** Per module [r], when the server ranks. */
  readonly scores?: readonly (Float64Array | Float32Array)[];
}

/** Takes what a client uploads out of its state: the factors of the components it was dealt to train, the head, its scores. */
export function extractUpdate(
  layout: AdapterLayout,
  deal: Deal,
  result: ClientResult,
): ClientUpdate {
  const slices = result.modules.map((module, m) =>
    gatherComponents(module, layout.rank, deal.indices[m])
  );
  return {
    client: deal.client,
    round: deal.round,
    samples: result.samples,
    indices: deal.indices.map((indices) => indices.slice()),
    ...(deal.factors === "both" && { a: slices.map(({ a }) => a) }),
    b: slices.map(({ b }) => b),
    ...(result.scores &&
      { scores: result.scores.map((scores, m) => maskScores(scores, deal.forward[m])) }),
    head: result.head,
  };
}
