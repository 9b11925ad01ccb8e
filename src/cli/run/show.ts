/** `deno task run show`. @module */

import { readFlags } from "../flags.ts";
import { printable } from "../printable.ts";
import { runStatus } from "./admin_api.ts";
import { adminOptions, formatOption, readFormat, readServer } from "./admin_flags.ts";
import type { RunCommand } from "./command.ts";
import { roundTable, seatTable, statusLines } from "./status_text.ts";
import { timeText } from "./time_text.ts";

const description = {
  name: "deno task run show",
  summary: "Shows a run: where it stands, its clients, its rounds, and what was refused lately.",
  settings: [],
  words: ["<run>"],
  options: [formatOption(), ...adminOptions()],
};

/** Refused messages that are shown. */
const LATEST = 5;

/** The subcommand. */
export const show: RunCommand = {
  summary: "show a run, its clients and its rounds",
  async run(args, print) {
    const { own, words: [run] } = await readFlags(args, description);
    const format = readFormat(own);
    const status = await runStatus(await readServer(own), run);
    if (format === "json") return print(JSON.stringify(status));
    const { seats, published, rejects, serverTime } = status;
    const blocks = [statusLines(status, serverTime), seatTable(seats, serverTime)];
    if (published.length > 0) blocks.push(roundTable(status));
    if (rejects.length > 0) {
      blocks.push(
        rejects.slice(0, LATEST).map(({ time, client, reason, detail }) =>
          printable(
            `${timeText(time)}  ${client === null ? "unknown" : `client ${client}`}  ` +
              `${reason}: ${detail}`,
          )
        ),
      );
    }
    print(blocks.map((lines) => lines.join("\n")).join("\n\n"));
  },
};
