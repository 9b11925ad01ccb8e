/**
 * `deno task doctor`: what this machine has for training, how fast it is, what fits and what is missing.
 *
 * @module
 */
import { Option } from "commander";
import { executionDefaults } from "../federated/settings/execution.ts";
import { modelDefaults } from "../federated/settings/model.ts";
import { examine } from "./doctor/examine.ts";
import { reportText } from "./doctor/text.ts";
import { runCommand } from "./errors.ts";
import { readFlags } from "./flags.ts";
import { prepareGraphics } from "./graphics.ts";

const description = {
  name: "deno task doctor",
  summary: "Tells what this machine has for training, how fast it is, what fits and what is " +
    "missing. Exit status 1 where it cannot train.",
  settings: ["task", "threads", "format"] as const,
  options: [
    new Option("--network", "see whether Hugging Face's hub can be reached too").helpGroup("Run:"),
  ],
};

/** Examines the machine as the words after the command's name say; returns the exit status. */
export async function doctor(
  args: readonly string[],
  print: (text: string) => void,
): Promise<0 | 1> {
  const { settings, own } = await readFlags(args, description);
  const { format, task, threads = navigator.hardwareConcurrency } = {
    ...modelDefaults,
    ...executionDefaults,
    ...settings,
  };
  prepareGraphics();
  const report = await examine({ threads, task, network: own.network === true });
  print(format === "json" ? JSON.stringify(report) : reportText(report));
  return report.canTrain ? 0 : 1;
}

if (import.meta.main) {
  await runCommand(async () => {
    const code = await doctor(Deno.args, (text) => console.log(text));
    if (code !== 0) Deno.exit(code);
  });
}
