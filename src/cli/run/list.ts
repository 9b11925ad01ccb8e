/** `deno task run list`. @module */

import { readFlags } from "../flags.ts";
import { listRuns } from "./admin_api.ts";
import { adminOptions, formatOption, readFormat, readServer } from "./admin_flags.ts";
import type { RunCommand } from "./command.ts";
import { textTable } from "./text_table.ts";
import { timeText } from "./time_text.ts";

const description = {
  name: "deno task run list",
  summary: "Lists the runs of a server.",
  settings: [],
  options: [formatOption(), ...adminOptions()],
};

const columns = [
  { heading: "Run" },
  { heading: "Name" },
  { heading: "State" },
  { heading: "Rounds", right: true },
  { heading: "Created" },
];

/** The subcommand. */
export const list: RunCommand = {
  summary: "list the runs",
  async run(args, print) {
    const { own } = await readFlags(args, description);
    const format = readFormat(own);
    const runs = await listRuns(await readServer(own));
    if (format === "json") {
      for (const run of runs) print(JSON.stringify(run));
      return;
    }
    if (runs.length === 0) return print("No runs yet; make one with: deno task run create");
    const rows = runs.map(({ run, name, state, roundsDone, rounds, createdAt }) => [
      run,
      name,
      state,
      `${roundsDone}/${rounds}`,
      timeText(createdAt),
    ]);
    for (const line of textTable(columns, rows)) print(line);
  },
};
