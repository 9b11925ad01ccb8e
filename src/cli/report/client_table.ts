/**
 * The report's table of clients: one row each, or one a tier where they are many.
 *
 * @module
 */
import type { ClientFacts } from "../../protocol/records.ts";
import { countText } from "../units.ts";
import { element, tooltip } from "./svg.ts";
import { table } from "./tables.ts";

/** Most clients that have a row each; more would bury the rest of the report. */
const MOST_ROWS = 50;

/** Who holds what: ranks, rows, and, where there are labels, how the rows spread over them. */
export function clientTable(
  clients: readonly ClientFacts[],
  rank: number,
  labels: readonly string[],
): string {
  return clients.length > MOST_ROWS
    ? tierRows(clients, rank, labels)
    : clientRows(clients, rank, labels);
}

function clientRows(
  clients: readonly ClientFacts[],
  rank: number,
  labels: readonly string[],
): string {
  const mostRows = largest(clients.map(({ samples }) => samples));
  const mostOfLabel = largest(clients.flatMap(({ labelCounts }) => labelCounts));
  const rows = clients.map(({ client, rank: own, samples, labelCounts }) => [
    String(client),
    measure(own / rank, `${own} of ${rank}`),
    measure(samples / mostRows, countText(samples)),
    String(heldLabels(labelCounts)),
    labelStrip(labelCounts, labels, mostOfLabel, `Labels of client ${client}`),
  ]);
  return labelledTable(["Client", "Rank", "Rows", "Labels", "Rows of each label"], rows, labels);
}

function tierRows(
  clients: readonly ClientFacts[],
  rank: number,
  labels: readonly string[],
): string {
  const tiers = Map.groupBy(clients, (client) => client.rank);
  const ascending = [...tiers].sort(([one], [other]) => one - other);
  const sums = ascending.map(([, members]) =>
    labels.map((_, label) => members.reduce((sum, client) => sum + client.labelCounts[label], 0))
  );
  const mostClients = largest(ascending.map(([, { length }]) => length));
  const mostOfLabel = largest(sums.flat());
  const rows = ascending.map(([own, members], tier) => [
    measure(own / rank, `${own} of ${rank}`),
    measure(members.length / mostClients, countText(members.length)),
    rangeText(members.map(({ samples }) => samples)),
    rangeText(members.map(({ labelCounts }) => heldLabels(labelCounts))),
    labelStrip(sums[tier], labels, mostOfLabel, `Labels of the clients of rank ${own}`),
  ]);
  const head = ["Rank", "Clients", "Rows each", "Labels each", "Rows of each label, all together"];
  return labelledTable(head, rows, labels);
}

/** A table whose last two columns are about labels, and left out where there are none. */
function labelledTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  labels: readonly string[],
): string {
  const cut = (cells: readonly string[]) => labels.length === 0 ? cells.slice(0, -2) : cells;
  return table(cut(head), rows.map(cut), "clients");
}

function heldLabels(labelCounts: readonly number[]): number {
  return labelCounts.filter((count) => count > 0).length;
}

function rangeText(counts: readonly number[]): string {
  const least = counts.reduce((one, other) => Math.min(one, other));
  const most = counts.reduce((one, other) => Math.max(one, other));
  return least === most ? countText(least) : `${countText(least)} to ${countText(most)}`;
}

/** At least 1, so that shares of it are numbers. Lists may be longer than a call takes arguments. */
function largest(counts: readonly number[]): number {
  return counts.reduce((one, other) => Math.max(one, other), 1);
}

/** A share as a bar, with its number. */
function measure(share: number, text: string): string {
  const width = `width: ${(100 * Math.min(1, share)).toFixed(1)}%`;
  const meter = element("i", { class: "meter" }, element("i", { style: width }));
  return element("span", { class: "measure" }, meter, text);
}

function labelStrip(
  counts: readonly number[],
  labels: readonly string[],
  most: number,
  name: string,
): string {
  const width = 400;
  const cell = width / Math.max(1, labels.length);
  const gap = cell > 6 ? 3 : 0;
  const cells = counts.map((count, index) =>
    element(
      "rect",
      {
        x: index * cell,
        y: 0,
        width: cell - gap,
        height: 16,
        // The square root keeps a handful of rows visible beside hundreds.
        style: `fill: color-mix(in oklab, var(--heat-high) ${
          Math.round(100 * Math.sqrt(count / most))
        }%, var(--empty))`,
      },
      tooltip(`${labels[index] ?? index}: ${countText(count)}`),
    )
  );
  return element(
    "svg",
    {
      viewBox: `0 0 ${width} 16`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": name,
    },
    ...cells,
  );
}
