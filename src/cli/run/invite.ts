/** `deno task run invite`: fresh invitations. @module */

import { Option } from "commander";
import { list, whole } from "../../federated/setting_kinds.ts";
import { UserError } from "../../protocol/errors.ts";
import { readFlags } from "../flags.ts";
import { invite as makeInvitations, type InvitedSeat, manifestOf } from "./admin_api.ts";
import { adminOptions, formatOption, readFormat, readServer } from "./admin_flags.ts";
import type { RunCommand } from "./command.ts";
import { joiningFlags, printInvitations, showInvitations } from "./invitations.ts";

const description = {
  name: "deno task run invite",
  summary:
    "Makes fresh invitations to a run; those that a seat had before and that nobody used become void.",
  settings: [],
  words: ["<run>"],
  options: [
    new Option(
      "--clients <list>",
      "seats to invite to, as their invitations count them (default: all that nobody has taken)",
    ),
    formatOption(),
    ...adminOptions(),
  ],
};

const indices = list(whole({ least: 0 }));

/** The subcommand. */
export const invite: RunCommand = {
  summary: "make fresh invitations for seats that are not taken",
  async run(args, print) {
    const { own, words: [run] } = await readFlags(args, description);
    const format = readFormat(own);
    const seats = readSeats(own.clients);
    const admin = await readServer(own);
    const manifest = await manifestOf(admin, run);
    const joining = await joiningFlags(admin, manifest, "client");
    const invitations = await makeInvitations(admin, run, seats);
    const { server } = admin;
    const shown = showInvitations(server, run, manifest.ranks, invitations);
    printInvitations(shown, { run, server }, format, print, joining);
  },
};

function readSeats(text: string | boolean | undefined): InvitedSeat[] | undefined {
  if (text === undefined) return undefined;
  const clients = indices.check(indices.fromText(String(text)));
  if (clients !== undefined) return clients.map((client) => ({ role: "client", client }));
  throw new UserError(`Cannot use --clients: expected ${indices.expected}, got "${text}"`);
}
