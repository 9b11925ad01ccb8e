/** How the client fares that a shared model serves worst. @module */

import type { Evaluation } from "../lora/session.ts";
import { countLabels } from "./count_labels.ts";
import type { FederatedClient } from "./federation.ts";

/**
 * The lowest, over all clients, of Σ_label share(label)·accuracy(label): the accuracy that a client would see on rows that spread over the labels as
 * its own training rows do. Labels without evaluated rows are left out and the client's other shares scaled up; a client that has no other label
 * counts with the accuracy on all rows.
 *
 * @returns 0 to 1.
 */
export function worstClient(
  clients: readonly FederatedClient[],
  { rows, correct, perLabel }: Pick<Evaluation, "rows" | "correct" | "perLabel">,
): number {
  let worst = 1;
  for (const { samples } of clients) {
    let [hits, weight] = [0, 0];
    countLabels(samples, perLabel.length).forEach((count, label) => {
      if (perLabel[label].rows === 0) return;
      hits += count * perLabel[label].correct / perLabel[label].rows;
      weight += count;
    });
    worst = Math.min(worst, weight > 0 ? hits / weight : correct / rows);
  }
  return worst;
}
