// @ts-check
/// <reference lib="dom" />
/**
 * The list of runs.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunSummaryStatus} RunSummaryStatus */

import { adminCommands, commandBlock } from "./commands.js";
import { h, keyedChildren, setText } from "./dom.js";
import { dateText } from "./format.js";
import { createMeter } from "./meter.js";
import { listRuns } from "./requests.js";
import { createStateBadge } from "./state_badge.js";

const refreshMilliseconds = 5000;

/**
 * @param {import("./app.js").Context} context
 * @returns {import("./app.js").Page}
 */
export function createRunList(context) {
  const body = h("tbody");
  const showRows = keyedChildren(body, ({ run }) => run, createRow);
  const table = h(
    "div",
    { class: "card scroll", role: "region", "aria-label": "Runs", tabindex: 0, hidden: true },
    h(
      "table",
      { class: "runs stacked" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Name"),
          h("th", { scope: "col" }, "State"),
          h("th", { scope: "col" }, "Rounds"),
          h("th", { scope: "col" }, "Created"),
          h("th", { scope: "col" }, "Run"),
        ),
      ),
      body,
    ),
  );
  const none = h(
    "section",
    { class: "card", hidden: true },
    h("h2", {}, "No runs yet"),
    h(
      "p",
      { class: "about" },
      "Create one on the machine that has the base model; it prints an invitation for each client.",
    ),
    commandBlock(adminCommands(context.origin).create),
  );
  const failure = h("p", { class: "failure", role: "alert" });
  const element = h("div", {}, h("h1", { class: "page-title" }, "Runs"), failure, none, table);

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let closed = false;
  const refresh = async () => {
    try {
      const runs = document.hidden ? undefined : await listRuns();
      if (closed) return;
      if (runs) {
        showRows([...runs].sort((one, other) => other.createdAt - one.createdAt));
        table.hidden = runs.length === 0;
        none.hidden = runs.length > 0;
        setText(failure, "");
      }
    } catch (error) {
      if (closed) return;
      if (context.refused(error)) return;
      setText(failure, /** @type {Error} */ (error).message);
    }
    timer = setTimeout(refresh, refreshMilliseconds);
  };
  refresh();
  return {
    title: "Runs",
    element,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** @param {RunSummaryStatus} first */
function createRow(first) {
  const name = h("a", { href: `/?run=${encodeURIComponent(first.run)}` });
  const badge = createStateBadge();
  const meter = createMeter();
  const rounds = h("span");
  const element = h(
    "tr",
    {},
    h("th", { scope: "row" }, name),
    h("td", {}, badge.element),
    h("td", {}, h("span", { class: "measure" }, meter.element, rounds)),
    h("td", {}, dateText(first.createdAt)),
    h("td", { class: "soft" }, first.run),
  );
  return {
    element,
    /** @param {RunSummaryStatus} summary */
    update(summary) {
      setText(name, summary.name);
      badge.update(summary.state);
      meter.update(summary.roundsDone / summary.rounds);
      setText(rounds, `${summary.roundsDone} of ${summary.rounds}`);
    },
  };
}
