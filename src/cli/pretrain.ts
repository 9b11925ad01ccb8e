/**
 * `deno task pretrain`: trains all weights of a small model on unlabelled text.
 *
 * @module
 */
import { defaultConfig } from "../federated/run_config.ts";
import type { SettingKey } from "../federated/settings.ts";
import { runCommand } from "./errors.ts";
import { readFlags } from "./flags.ts";
import { prepareGraphics } from "./graphics.ts";
import { checkNewFolder, readPretrainFile } from "./pretrain/folder.ts";
import { runPretraining } from "./pretrain/run_pretrain.ts";
import { readConfig, readFolder, readPace, resumeConfig } from "./pretrain/config.ts";
import { pretrainOptions } from "./pretrain/flags.ts";
import { createPretrainReporter } from "./pretrain/progress.ts";

const settings: readonly SettingKey[] = [
  "device",
  "threads",
  "resume",
  "format",
];

const description = {
  name: "deno task pretrain",
  summary:
    "Pretrains an encoder by masked-language modelling, or a decoder by next-token prediction, on text files.",
  settings,
  options: pretrainOptions(),
};

if (import.meta.main) {
  await runCommand(async () => {
    const { settings: given, own } = await readFlags(Deno.args, description);
    const { resume } = given;
    const saved = resume ? await readPretrainFile(resume) : undefined;
    const config = saved ? resumeConfig(saved.config, own) : readConfig(own);
    const folder = resume ?? readFolder(own);
    if (!saved) await checkNewFolder(folder, config.tokenizer);
    prepareGraphics();
    const device = {
      device: given.device ?? defaultConfig.device,
      threads: given.threads ?? navigator.hardwareConcurrency,
    };
    const reporter = await createPretrainReporter(given.format ?? defaultConfig.format);
    try {
      await runPretraining({ config, pace: readPace(own), folder, saved, device }, reporter);
    } finally {
      reporter.close();
    }
  });
}
