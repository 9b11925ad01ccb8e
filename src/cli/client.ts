/**
 * `deno task client`: takes part in a federation over HTTP, with data that stays on this machine.
 *
 * @module
 */
import { runCommand } from "./errors.ts";
import { prepareGraphics } from "./graphics.ts";
import { openBar } from "./progress_bar.ts";
import { readClientFlags } from "./client/flags.ts";
import { barOutput, type ClientOutput, jsonOutput, lineOutput } from "./client/output.ts";
import { takePartInRun } from "./client/run_client.ts";

if (import.meta.main) {
  await runCommand(async () => {
    const flags = await readClientFlags(Deno.args);
    prepareGraphics();
    const output = await openOutput(flags.format);
    try {
      await takePartInRun(flags, output);
    } finally {
      output.close();
    }
  });
}

async function openOutput(format: "text" | "json" | undefined): Promise<ClientOutput> {
  const write = (line: string): void => console.log(line);
  if (format === "json") return jsonOutput(write);
  return Deno.stderr.isTerminal() ? barOutput(write, await openBar()) : lineOutput(write);
}
