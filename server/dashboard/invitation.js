// @ts-check
/// <reference lib="dom" />
/**
 * What a person sees who opens an invitation, which is meant for a client's command line, in a browser.
 *
 * @module
 */

import { commandBlock, joinCommand } from "./commands.js";
import { h } from "./dom.js";

/**
 * Whether this is the end of an invitation's URL: `#run.client.token`.
 *
 * @param {string} hash
 */
export function isInvitation(hash) {
  return /^#[\w-]+\.\d{1,9}\.[\w-]+$/.test(hash);
}

/**
 * @param {string} url the invitation
 * @returns {import("./app.js").Page}
 */
export function createInvitation(url) {
  // The secret stays out of the history.
  history.replaceState(null, "", "/");
  const element = h(
    "section",
    { class: "narrow card", "data-public": true },
    h("h1", {}, "You are invited to train"),
    h(
      "p",
      {},
      "This address is for the client program. On the machine that holds your data, in a checkout of HAFL, run:",
    ),
    commandBlock(joinCommand(url)),
    h(
      "p",
      { class: "soft" },
      "Your data stays on that machine: the client sends trained adapter components and scores, never text. " +
        "The invitation can be used once.",
    ),
  );
  return { title: "Invitation", element };
}
