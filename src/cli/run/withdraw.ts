/** `deno task run withdraw`. @module */

import { whole } from "../../federated/setting_kinds.ts";
import { UserError } from "../../protocol/errors.ts";
import { readFlags } from "../flags.ts";
import { withdrawClient } from "./admin_api.ts";
import { adminOptions, readServer } from "./admin_flags.ts";
import type { RunCommand } from "./command.ts";

const description = {
  name: "deno task run withdraw",
  summary:
    "Shuts a client out of a run, from now on: its key is refused and its update of the open round dropped.",
  settings: [],
  words: ["<run>", "<client>"],
  options: adminOptions(),
};

const index = whole({ least: 0 });

/** The subcommand. */
export const withdraw: RunCommand = {
  summary: "shut a client out of a run",
  async run(args, print) {
    const { own, words: [run, word] } = await readFlags(args, description);
    const client = index.check(index.fromText(word));
    if (client === undefined) {
      throw new UserError(`Cannot withdraw client "${word}": expected the number of its seat`);
    }
    await withdrawClient(await readServer(own), run, client);
    print(`Withdrew client ${client} of ${run}`);
  },
};
