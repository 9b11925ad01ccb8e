// @ts-check
/// <reference lib="dom" />
/**
 * Every seat: who sits there, what it can do and what it does now.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").SeatStatus} SeatStatus */

import { h, keyedChildren, setText } from "./dom.js";
import { agoText, countedText, countText, dateText } from "./format.js";
import { createMeter } from "./meter.js";
import { createTable } from "./table.js";

const columns = [
  { name: "Client" },
  { name: "Name" },
  { name: "State" },
  { name: "Rank" },
  { name: "Samples", isNumber: true },
  { name: "Activity" },
  { name: "Last contact", isNumber: true },
];

/**
 * @param {import("./app.js").Context} context
 * @returns {import("./run_page.js").Section}
 */
export function createClientsTable({ clock }) {
  const about = h("p", { class: "about" });
  const table = createTable("Clients", columns, "clients stacked");
  const element = h(
    "section",
    { class: "card" },
    h("h2", {}, "Clients"),
    about,
    table.element,
  );
  let rank = 1;
  const showRows = keyedChildren(
    table.body,
    (/** @type {SeatStatus} */ { client }) => client,
    () => createRow(() => rank),
  );
  /** @type {readonly SeatStatus[]} */
  let seats = [];
  const contacts = () => {
    const cells = table.body.querySelectorAll("[data-contact]");
    seats.forEach((seat, place) => setText(cells[place], contactText(seat, clock.now())));
  };
  return {
    element,
    soft: true,
    tick: contacts,
    update(status) {
      ({ seats, rank } = status);
      showRows(seats);
      setText(about, aboutText(status));
      contacts();
    },
  };
}

/** @param {RunStatus} status */
function aboutText({ seats }) {
  const ready = seats.filter(({ state, role }) => state === "ready" && role === "client");
  const rows = ready.reduce((sum, { samples }) => sum + (samples ?? 0), 0);
  const evaluators = seats.filter(({ role }) => role === "evaluator").length;
  const clients = seats.length - evaluators;
  return `${ready.length} of ${countedText(clients, "client")} ready, with ` +
    `${countedText(rows, "training row")} together` +
    (evaluators > 0 ? `; ${countedText(evaluators, "evaluator")}.` : ".");
}

/**
 * @param {SeatStatus} seat
 * @param {number} now
 */
function contactText({ lastContact }, now) {
  return lastContact === null ? "never" : agoText(Math.max(0, now - lastContact));
}

/** @param {() => number} fullRank r */
function createRow(fullRank) {
  const client = h("th", { scope: "row" });
  const name = h("td", { class: "name" });
  const state = h("td");
  const meter = createMeter();
  const rank = h("span");
  const rankCell = h("td", {}, h("span", { class: "measure" }, meter.element, rank));
  const samples = h("td", { class: "number" });
  const activity = h("span", { class: "activity" });
  const steps = createMeter();
  const stepText = h("span", { class: "soft" });
  const progress = h("span", { class: "measure" }, steps.element, stepText);
  const contact = h("td", { class: "number", "data-contact": true });
  const activityCell = h("td", {}, h("span", { class: "doing" }, activity, progress));
  const element = h("tr", {}, client, name, state, rankCell, samples, activityCell, contact);
  return {
    element,
    /** @param {SeatStatus} seat */
    update(seat) {
      const isEvaluator = seat.role === "evaluator";
      setText(client, String(seat.client));
      setText(name, seat.name ?? (isEvaluator ? "evaluator, not joined" : "not joined"));
      name.classList.toggle("soft", seat.name === null);
      element.classList.toggle("gone", seat.state === "withdrawn");
      state.classList.toggle("usual", seat.state === "ready" && !isEvaluator);
      setText(state, isEvaluator && seat.name !== null ? `${seat.state}, evaluator` : seat.state);
      const hasRank = seat.rank !== null && !isEvaluator;
      rankCell.classList.toggle("none", !hasRank);
      samples.classList.toggle("none", seat.samples === null);

      meter.element.hidden = !hasRank;
      meter.update((seat.rank ?? 0) / fullRank());
      setText(rank, hasRank ? `${seat.rank} of ${fullRank()}` : "–");
      setText(samples, seat.samples === null ? "–" : countText(seat.samples));
      activity.dataset.activity = seat.activity;
      setText(activity, seat.activity);
      progress.hidden = seat.progress === null || seat.activity !== "training";
      if (seat.progress) {
        const { step, steps: all } = seat.progress;
        steps.update(step / Math.max(1, all));
        setText(stepText, `${countText(step)} of ${countText(all)} steps`);
      }
      contact.title = seat.lastContact === null ? "" : dateText(seat.lastContact);
    },
  };
}
