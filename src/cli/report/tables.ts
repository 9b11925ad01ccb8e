/**
 * The report's tables: clients, rounds, configuration.
 *
 * @module
 */
import type { ClientFacts, RoundRecord } from "../../protocol/records.ts";
import {
  completeRunConfig,
  flagName,
  type RunConfig,
  settingText,
} from "../../federated/run_config.ts";
import { settingKeys, settings, topics } from "../../federated/settings.ts";
import { bytesText, countText, durationText, percentText } from "../units.ts";
import { element, escapeText, tooltip } from "./svg.ts";

/** One row a client: its tier, its rows, and how they spread over the labels. */
export function clientTable(
  clients: readonly ClientFacts[],
  rank: number,
  labels: readonly string[],
): string {
  const mostRows = Math.max(1, ...clients.map((client) => client.samples));
  const mostOfLabel = Math.max(1, ...clients.flatMap((client) => client.labelCounts));
  const rows = clients.map((client) => [
    String(client.client),
    element("span", { class: "measure" }, meter(client.rank / rank), `${client.rank} of ${rank}`),
    element(
      "span",
      { class: "measure" },
      meter(client.samples / mostRows),
      countText(client.samples),
    ),
    String(client.labelCounts.filter((count) => count > 0).length),
    labelStrip(client, labels, mostOfLabel),
  ]);
  return table(["Client", "Rank", "Rows", "Labels", "Rows of each label"], rows, "clients");
}

/** The numbers behind the curves. */
export function roundTable(records: readonly RoundRecord[]): string {
  const rows = records.map((record) => [
    String(record.round),
    percentText(record.accuracy),
    record.loss.toFixed(3),
    record.trainLoss.toFixed(3),
    bytesText(record.upBytes.total),
    bytesText(record.downBytes.total),
    percentText(record.trainedShare, 0),
    countText(record.tokensPerSecond),
    durationText(record.seconds),
  ]);
  const head = [
    "Round",
    "Accuracy",
    "Loss",
    "Train loss",
    "Up",
    "Down",
    "Ever trained",
    "Tokens/s",
    "Time",
  ];
  return table(head, rows, "rounds");
}

/** Every setting under its topic; those that differ from the default stand out. */
export function configTable(config: RunConfig): string {
  const byDefault = completeRunConfig({}, { threads: config.threads, now: new Date(0) });
  const lists = topics.map((topic) => {
    const entries = settingKeys.filter((key) => settings[key].topic === topic).map((key) => {
      const value = settingText(config[key]);
      const changed = key !== "out" && value !== settingText(byDefault[key]);
      return element(
        "div",
        changed ? { class: "changed" } : {},
        element("dt", {}, escapeText(flagName(key).slice(2))),
        element("dd", {}, escapeText(value)),
      );
    });
    return element("section", {}, element("h3", {}, topic), element("dl", {}, ...entries));
  });
  return element("div", { class: "settings" }, ...lists);
}

function table(head: readonly string[], rows: readonly string[][], kind: string): string {
  const header = element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((cells) =>
    element("tr", {}, ...cells.map((cell) => element("td", {}, cell)))
  );
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      { class: kind },
      element("thead", {}, header),
      element("tbody", {}, ...body),
    ),
  );
}

function meter(share: number): string {
  return element(
    "i",
    { class: "meter" },
    element("i", { style: `width: ${(100 * Math.min(1, share)).toFixed(1)}%` }),
  );
}

function labelStrip(client: ClientFacts, labels: readonly string[], most: number): string {
  const width = 400;
  const cell = width / Math.max(1, labels.length);
  const gap = cell > 6 ? 3 : 0;
  const cells = client.labelCounts.map((count, index) =>
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
      "aria-label": `Labels of client ${client.client}`,
    },
    ...cells,
  );
}
