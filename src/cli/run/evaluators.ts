/** `deno task run evaluators`: invites parties that score a run's banks and train nothing. @module */

import { Option } from "commander";
import { whole } from "../../federated/setting_kinds.ts";
import { UserError } from "../../protocol/errors.ts";
import { readFlags } from "../flags.ts";
import { invite, type InvitedSeat, manifestOf } from "./admin_api.ts";
import { adminOptions, formatOption, readFormat, readServer } from "./admin_flags.ts";
import type { RunCommand } from "./command.ts";
import { joiningFlags, printInvitations, showInvitations } from "./invitations.ts";

const description = {
  name: "deno task run evaluators",
  summary:
    "Invites evaluators to a run: clients that train nothing and score every published adapter on rows of their own.",
  settings: [],
  words: ["<run>"],
  options: [
    new Option("--count <n>", "how many to invite (default: 1)"),
    formatOption(),
    ...adminOptions(),
  ],
};

const count = whole({ least: 1, most: 100 });

/** The subcommand. */
export const evaluators: RunCommand = {
  summary: "invite clients that only score the adapter",
  async run(args, print) {
    const { own, words: [run] } = await readFlags(args, description);
    const format = readFormat(own);
    const wanted = count.check(count.fromText(String(own.count ?? 1)));
    if (wanted === undefined) {
      throw new UserError(`Cannot use --count: expected ${count.expected}, got "${own.count}"`);
    }
    const admin = await readServer(own);
    const manifest = await manifestOf(admin, run);
    const joining = await joiningFlags(admin, manifest, "evaluator");
    const seats = Array.from({ length: wanted }, (): InvitedSeat => ({ role: "evaluator" }));
    const { server } = admin;
    const shown = showInvitations(server, run, manifest.ranks, await invite(admin, run, seats));
    printInvitations(shown, { run, server }, format, print, joining);
  },
};
