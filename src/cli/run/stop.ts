/** `deno task run stop`. @module */

import { readFlags } from "../flags.ts";
import { stopRun } from "./admin_api.ts";
import { adminOptions, readServer } from "./admin_flags.ts";
import type { RunCommand } from "./command.ts";

const description = {
  name: "deno task run stop",
  summary: "Ends a run where it is. Its adapter stays, and can be exported.",
  settings: [],
  words: ["<run>"],
  options: adminOptions(),
};

/** The subcommand. */
export const stop: RunCommand = {
  summary: "end a run where it is",
  async run(args, print) {
    const { own, words: [run] } = await readFlags(args, description);
    await stopRun(await readServer(own), run);
    print(
      `Stopped ${run}; its adapter can be exported: deno task run export ${run} --out <folder>`,
    );
  },
};
