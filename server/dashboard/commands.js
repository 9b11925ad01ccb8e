// @ts-check
/// <reference lib="dom" />
/**
 * What to type next, with this server's address where it is not the default one.
 *
 * @module
 */

import { h } from "./dom.js";

/**
 * Commands for an administrator of this server.
 *
 * @param {string} origin
 */
export function adminCommands(origin) {
  const server = origin === "http://127.0.0.1:8080" ? "" : ` --server ${origin}`;
  return {
    create: `deno task run create --name news --labels labels.txt --clients 3${server}`,
    /** @param {string} run */
    invite: (run) => `deno task run invite ${run}${server}`,
    /** @param {string} run */
    inviteEvaluator: (run) => `deno task run evaluators ${run}${server}`,
    /** @param {string} run */
    exportRun: (run) => `deno task run export ${run} --out adapter${server}`,
  };
}

/**
 * A client's command.
 *
 * @param {string} invitation its URL
 */
export function joinCommand(invitation) {
  return `deno task client --server '${invitation}' --data rows.jsonl --name NAME`;
}

/**
 * A command in the page, with a button that copies it.
 *
 * @param {string} command
 * @returns {HTMLElement}
 */
export function commandBlock(command) {
  // Words stay whole where they fit a line, options with a hyphen too.
  const words = command.split(" ").flatMap((word) => [" ", h("span", {}, word)]).slice(1);
  const code = h("code", {}, ...words);
  const block = h("div", { class: "command" }, h("pre", {}, code));
  // Browsers give pages that came without https no clipboard, but for this machine's own.
  if (navigator.clipboard) {
    const copy = h("button", { type: "button" }, "Copy");
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(command);
      copy.textContent = "Copied";
      setTimeout(() => copy.textContent = "Copy", 2000);
    });
    block.append(copy);
  }
  return block;
}
