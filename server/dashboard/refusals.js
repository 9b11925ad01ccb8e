// @ts-check
/// <reference lib="dom" />
/**
 * Messages that the server refused: how many for which reason, and the latest.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RejectReason} RejectReason */
/** @typedef {import("../../src/protocol/http/documents.ts").RejectStatus} RejectStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { h } from "./dom.js";
import { countedText, countText, dateText, timeText } from "./format.js";
import { createTable, createTextRow } from "./table.js";

const columns = [
  { name: "Time" },
  { name: "Client" },
  { name: "Round", isNumber: true },
  { name: "Reason" },
  { name: "Detail" },
];

/** @returns {import("./run_page.js").Section} */
export function createRefusals() {
  const about = h("p", { class: "about" });
  const counts = h("ul", { class: "counts" });
  const table = createTable("Refused messages", columns, "refusals stacked");
  table.element.classList.add("tall");
  const element = h(
    "section",
    { class: "card" },
    h("h2", {}, "Refused messages"),
    about,
    counts,
    table.element,
  );
  return {
    element,
    update(status) {
      const entries = /** @type {[RejectReason, number][]} */ (Object.entries(status.rejectCounts))
        .sort(([, one], [, other]) => other - one);
      const all = entries.reduce((sum, [, count]) => sum + count, 0);
      about.textContent = all === 0
        ? "Nothing was refused."
        : `${countedText(all, "message")} so far; ${
          all > status.rejects.length ? "the latest" : "all"
        } below. A refusal never ends a round.`;
      counts.hidden = table.element.hidden = all === 0;
      counts.replaceChildren(
        ...entries.map(([reason, count]) =>
          h("li", {}, reasonText(reason), " ", h("b", {}, countText(count)))
        ),
      );
      const names = new Map(status.seats.map(({ client, name }) => [client, name]));
      table.body.replaceChildren(
        ...status.rejects.map((reject) => createTextRow(columns, rejectTexts(reject, names))),
      );
    },
  };
}

/**
 * @param {RejectStatus} reject
 * @param {ReadonlyMap<number, string | null>} names
 */
function rejectTexts({ time, client, round, reason, detail }, names) {
  const isToday = dateText(time).slice(0, 10) === dateText(Date.now()).slice(0, 10);
  return [
    isToday ? timeText(time) : dateText(time),
    client === null ? "unknown" : [client, names.get(client) ?? ""].join(" "),
    round === null ? "–" : String(round + 1),
    reasonText(reason),
    detail,
  ];
}

/** @param {RejectReason} reason */
function reasonText(reason) {
  return reason.replaceAll("-", " ");
}
