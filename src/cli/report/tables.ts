/**
 * The report's tables of rounds and settings.
 *
 * @module
 */
import { type AnyRoundRecord, isTokenRecord } from "../../protocol/records.ts";
import { completeRunConfig } from "../../federated/complete_run_config.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { flagName, settingText } from "../../federated/setting_text.ts";
import { topics } from "../../federated/settings.ts";
import { bytesText, countText, durationText, percentText, perplexityText } from "../units.ts";
import { element, escapeText } from "./svg.ts";

/** The numbers behind the curves. */
export function roundTable(records: readonly AnyRoundRecord[]): string {
  const rows = records.map((record) => [
    String(record.round),
    ...(isTokenRecord(record)
      ? [perplexityText(record.perplexity)]
      : [percentText(record.accuracy), percentText(record.worstClient)]),
    record.loss.toFixed(3),
    record.trainLoss?.toFixed(3) ?? "—",
    attendanceText(record),
    bytesText(record.upBytes.total),
    bytesText(record.downBytes.total),
    percentText(record.trainedShare, 0),
    countText(record.tokensPerSecond),
    durationText(record.seconds),
  ]);
  const head = [
    "Round",
    ...(records.every(isTokenRecord) ? ["Perplexity"] : ["Accuracy", "Worst client"]),
    "Loss",
    "Train loss",
    "Clients",
    "Up",
    "Down",
    "Ever trained",
    "Tokens/s",
    "Time",
  ];
  return table(head, rows, "rounds");
}

function attendanceText({ attendance }: AnyRoundRecord): string {
  const { sampled, answered, arrived } = attendance;
  const late = arrived > 0 ? ` + ${arrived} late` : "";
  return answered === sampled ? `${sampled}${late}` : `${answered} of ${sampled}${late}`;
}

/** Every setting under its topic; those that differ from the default stand out. */
export function configTable(config: RunConfig): string {
  const byDefault = completeRunConfig({}, { threads: config.threads, now: new Date(0) });
  const lists = topics.map(({ name, keys }) => {
    const entries = keys.map((key) => {
      const value = settingText(config[key]);
      const changed = key !== "out" && value !== settingText(byDefault[key]);
      return element(
        "div",
        changed ? { class: "changed" } : {},
        element("dt", {}, escapeText(flagName(key).slice(2))),
        element("dd", {}, escapeText(value)),
      );
    });
    return element("section", {}, element("h3", {}, name), element("dl", {}, ...entries));
  });
  return element("div", { class: "settings" }, ...lists);
}

/** A table that scrolls where it is too wide; cells are markup. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  kind: string,
): string {
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
