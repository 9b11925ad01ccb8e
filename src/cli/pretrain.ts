/**
 * `deno task pretrain`: trains all weights of a small model on unlabelled text.
 *
 * @module
 */
import { defaultConfig } from "../federated/run_config.ts";
import type { SettingKey } from "../federated/settings.ts";
import { UserError } from "../protocol/errors.ts";
import { runCommand } from "./errors.ts";
import { readFlags } from "./flags.ts";
import { prepareGraphics } from "./graphics.ts";
import { checkNewFolder, readPretrainFile } from "./pretrain/folder.ts";
import { runPretraining } from "./pretrain/run_pretrain.ts";
import { readConfig, readPace, resumeConfig } from "./pretrain/config.ts";
import { pretrainOptions } from "./pretrain/flags.ts";
import { createPretrainReporter } from "./pretrain/progress.ts";

const settings: readonly SettingKey[] = [
  "seed",
  "device",
  "threads",
  "out",
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
    const { resume, out } = given;
    if (resume && (out !== undefined || given.seed !== undefined)) {
      throw new UserError(
        `Cannot use --${out !== undefined ? "out" : "seed"} with --resume: the folder settles it`,
      );
    }
    const folder = resume ?? out ?? "pretrained";
    const saved = resume ? await readPretrainFile(resume) : undefined;
    const config = saved
      ? resumeConfig(saved.config, own)
      : readConfig(own, given.seed ?? defaultConfig.seed);
    if (!saved) await checkNewFolder(folder);
    prepareGraphics();
    const device = {
      kind: given.device ?? defaultConfig.device,
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
