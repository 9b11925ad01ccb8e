// @ts-check
/// <reference lib="dom" />
/**
 * What the administrator can do next, where there is something to do.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { adminCommands, commandBlock, joinCommand } from "./commands.js";
import { h } from "./dom.js";
import { countedText } from "./format.js";

/** @typedef {{ readonly title: string, readonly about: string, readonly commands: readonly string[] }} Step */

/**
 * @param {RunStatus} status
 * @param {string} origin this server's address
 * @returns {Step | undefined}
 */
export function nextStep({ run, state, seats, facts, roundsDone }, origin) {
  const commands = adminCommands(origin);
  if (state === "draft") {
    return {
      title: "The run is not complete",
      about: "Its initial adapter did not arrive. Create the run again: this one does no harm.",
      commands: [commands.create],
    };
  }
  if (state === "waiting") {
    const clients = seats.filter(({ role }) => role === "client");
    const ready = clients.filter((seat) => seat.state === "ready").length;
    const open = clients.filter((seat) => seat.state === "invited").length;
    return {
      title: `Waiting for clients: ${ready} of ${countedText(facts.seats, "seat")} ready`,
      about: open > 0
        ? "The first command prints fresh invitations for the seats that nobody has taken. Each client then runs the second with its own."
        : "Everyone has joined; clients that were stopped go on when they are started again.",
      commands: open > 0
        ? [commands.invite(run), joinCommand("INVITATION")]
        : ["deno task client --name NAME"],
    };
  }
  if (state === "running" && roundsDone === 0) {
    return {
      title: "The first round is under way",
      about: `Charts and the map of components appear when it is published: with ${
        countedText(facts.perRound, "update")
      }, or at the deadline with at least ${facts.quorum}.`,
      commands: [],
    };
  }
  if (state === "finished" || (state === "stopped" && roundsDone > 0)) {
    return {
      title: state === "finished" ? "The run is finished" : "The run was stopped",
      about: `The adapter after round ${roundsDone} is on this server. Export it in PEFT's format:`,
      commands: [commands.exportRun(run)],
    };
  }
}

/**
 * @param {import("./app.js").Context} context
 * @returns {import("./run_page.js").Section}
 */
export function createNextStep({ origin }) {
  const element = h("section", { class: "card step", hidden: true });
  let shown = "";
  return {
    element,
    update(status) {
      const step = nextStep(status, origin);
      const wanted = JSON.stringify(step ?? null);
      if (wanted === shown) return;
      shown = wanted;
      element.hidden = step === undefined;
      element.replaceChildren(
        ...(step
          ? [
            h("h2", {}, step.title),
            h("p", { class: "about" }, step.about),
            ...step.commands.map(commandBlock),
          ]
          : []),
      );
    },
  };
}
