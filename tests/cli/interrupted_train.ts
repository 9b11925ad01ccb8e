/** `deno task train` with the flags of the command line, in a process of its own that interrupts itself as the last round ends. */

import { runCommand } from "../../src/cli/errors.ts";
import { readCommandLine } from "../../src/cli/flags.ts";
import { lineReporter } from "../../src/cli/progress.ts";
import { runTraining } from "../../src/cli/run_training.ts";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";

await runCommand(async () => {
  const given = await readCommandLine(Deno.args, { name: "train", summary: "" });
  const config = completeRunConfig(given);
  const reporter = lineReporter((line) => console.log(line));
  await runTraining(config, undefined, {
    ...reporter,
    round(record) {
      reporter.round(record);
      if (record.round === config.rounds) Deno.kill(Deno.pid, "SIGTERM");
    },
  });
});
