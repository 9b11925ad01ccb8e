/**
 * `deno task train`: a federation simulated on this machine.
 *
 * @module
 */
import { Option } from "commander";
import { readFlags } from "./flags.ts";
import { prepareGraphics } from "./graphics.ts";
import { createReporter } from "./progress.ts";
import { runCommand } from "./errors.ts";
import { checkRunFolder, readRun } from "./run_folder.ts";
import { runTraining } from "./run_training.ts";
import { counted } from "./units.ts";
import { checkEffects } from "../federated/check_effects.ts";
import { completeRunConfig } from "../federated/complete_run_config.ts";
import { resumedConfig } from "../federated/resumed_config.ts";
import { UserError } from "../protocol/errors.ts";

const description = {
  name: "deno task train",
  summary:
    "Fine-tunes a language model with LoRA in a federation of unequal clients, simulated on this machine.",
  // Not a setting: how a run is watched is no part of what it is.
  options: [
    new Option("--profile", "tell where the time went, by kernel, and write profile.json")
      .helpGroup("Run:"),
  ],
};

function checkRounds(rounds: number, done: number): void {
  if (rounds >= done) return;
  throw new UserError(
    `Cannot end after ${counted(rounds, "round")} (--rounds): the run has done ${done} already`,
  );
}

if (import.meta.main) {
  await runCommand(async () => {
    const { settings: given, own } = await readFlags(Deno.args, description);
    const saved = given.resume ? await readRun(given.resume) : undefined;
    const config = saved ? resumedConfig(saved.run.config, given) : completeRunConfig(given);
    checkEffects(given, config);
    if (!saved) await checkRunFolder(config.out, config);
    else checkRounds(config.rounds, saved.checkpoint.round);
    prepareGraphics();
    const reporter = await createReporter(config.format);
    try {
      await runTraining(config, saved, reporter, own.profile === true);
    } finally {
      reporter.close();
    }
  });
}
