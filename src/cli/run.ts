/**
 * `deno task run`: an administrator's commands for the runs of a server.
 *
 * @module
 */
import { Command } from "commander";
import { suggestion } from "../federated/read_settings.ts";
import { UserError } from "../protocol/errors.ts";
import { runCommand } from "./errors.ts";
import type { RunCommand } from "./run/command.ts";
import { create } from "./run/create.ts";
import { evaluators } from "./run/evaluators.ts";
import { exportAdapter } from "./run/export.ts";
import { invite } from "./run/invite.ts";
import { list } from "./run/list.ts";
import { show } from "./run/show.ts";
import { stop } from "./run/stop.ts";
import { watch } from "./run/watch.ts";
import { withdraw } from "./run/withdraw.ts";

const commands: Readonly<Record<string, RunCommand>> = {
  create,
  list,
  show,
  watch,
  stop,
  export: exportAdapter,
  withdraw,
  invite,
  evaluators,
};

/** Prints what there is. */
function help(): string {
  const program = new Command("deno task run")
    .description("Creates and follows runs on a HAFL server, as its administrator.")
    .usage("<command> [flags]")
    .helpOption(false)
    .helpCommand(false)
    .addHelpText("after", "\nEach command has a --help of its own.")
    .configureHelp({ helpWidth: 100, subcommandTerm: (command) => command.name() });
  for (const [name, { summary }] of Object.entries(commands)) {
    program.command(name).description(summary);
  }
  let text = "";
  program.configureOutput({ writeOut: (part) => text += part }).outputHelp();
  return text.trimEnd();
}

if (import.meta.main) {
  await runCommand(async () => {
    const [name, ...rest] = Deno.args;
    if (name === undefined || name === "--help" || name === "-h") return console.log(help());
    if (!Object.hasOwn(commands, name)) {
      throw new UserError(
        `Unknown command "${name}"${suggestion(name, Object.keys(commands), "see --help")}`,
      );
    }
    await commands[name].run(rest, (line) => console.log(line));
  });
}
