/** How the client fares that a run's models serve worst. @module */

import type { Evaluation } from "../lora/evaluate.ts";
import { countLabels } from "./count_labels.ts";
import type { FederatedClient } from "./federation.ts";

/** What of an evaluation decides how a client fares. */
type Counts = Pick<Evaluation, "rows" | "correct" | "perLabel">;

/**
 * The lowest, over all clients, of Σ_label share(label)·accuracy(label): the accuracy that a client would see on rows that spread over the labels as
 * its own training rows do. Labels without evaluated rows are left out and the client's other shares scaled up; a client that has no other label
 * counts with the accuracy on all rows.
 *
 * @param shared the evaluation of the model that all have.
 * @param own where each has a model of its own: their evaluations, in the clients' order.
 *
 * @returns 0 to 1.
 */
export function worstClient(
  clients: readonly FederatedClient[],
  shared: Counts,
  own?: readonly Counts[],
): number {
  return clients
    .map(({ samples }, client) => accuracyFor(samples, own?.[client] ?? shared))
    .reduce((worst, accuracy) => Math.min(worst, accuracy), 1);
}

function accuracyFor(
  samples: FederatedClient["samples"],
  { rows, correct, perLabel }: Counts,
): number {
  let [hits, weight] = [0, 0];
  countLabels(samples, perLabel.length).forEach((count, label) => {
    if (perLabel[label].rows === 0) return;
    hits += count * perLabel[label].correct / perLabel[label].rows;
    weight += count;
  });
  return weight > 0 ? hits / weight : correct / rows;
}
