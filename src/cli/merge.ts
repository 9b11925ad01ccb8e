/**
 * `deno task merge`: an adapter merged into the weights of its base.
 *
 * @module
 */
import { Option } from "commander";
import { choice } from "../federated/setting_kinds.ts";
import { modelDefaults } from "../federated/settings/model.ts";
import { executionDefaults } from "../federated/settings/execution.ts";
import { mergeAdapter } from "../lora/merge_adapter.ts";
import { defaultCheckpointLayout } from "../lora/merged_files.ts";
import { openModelWeights } from "../lora/model_weights.ts";
import { readModel } from "../models/mod.ts";
import { UserError } from "../protocol/errors.ts";
import { checkpointDtypes, type CheckpointLayout, readConfig, textFiles } from "../weights/mod.ts";
import { openAdapter } from "./adapter_folder.ts";
import { runCommand } from "./errors.ts";
import { fitToBase } from "./fit_to_base.ts";
import { type GivenFlags, readFlags, readOwnFlag } from "./flags.ts";
import { onInterrupt } from "./interrupt.ts";
import { openModelFiles } from "./sources.ts";
import { counted } from "./units.ts";
import { writeFolder } from "./write_folder.ts";

const description = {
  name: "deno task merge",
  summary:
    "Merges an adapter, as PEFT stores one, into the weights of its base, and writes a model folder in Hugging Face's layout.",
  settings: ["model", "revision", "offline", "cacheDir"] as const,
  help: {
    model: "the base: model folder in Hugging Face layout, or hub id (default: the built-in base)",
    cacheDir: "folder for downloaded models",
  },
  options: [
    new Option("--adapter <folder>", "the adapter").makeOptionMandatory(),
    new Option("--out <folder>", "the folder to make").makeOptionMandatory(),
    new Option("--dtype <name>", `${checkpointDtypes.join(", ")} (default: f32)`),
    new Option(
      "--shard-size <size>",
      "size above which weights go on in a further file, such as 500MB or 2GB (default: 2GB)",
    ),
    new Option("--overwrite", "replace what --out holds"),
  ],
};

/** Merges as the words after the command's name say, and prints what there is now. */
export async function merge(
  args: readonly string[],
  print: (line: string) => void,
): Promise<void> {
  const { settings, own } = await readFlags(args, description);
  const out = String(own.out);
  await refuseInput(out, "--adapter", String(own.adapter));
  if (settings.model) await refuseInput(out, "--model", settings.model);
  const layout = readLayout(own);
  const config = { ...modelDefaults, ...executionDefaults, ...settings };
  const adapter = await openAdapter(String(own.adapter));
  const files = await openModelFiles(config);
  const baseConfig = await readConfig(files) as Record<string, unknown>;
  const model = readModel(baseConfig);
  const weights = await openModelWeights(files, model);
  const name = config.model ?? files.label;
  using interrupt = onInterrupt(() => `Stopped; "${out}" is as it was`);
  const fitted = await fitToBase(adapter, { name, files, model, weights }, print);
  const content = {
    ...mergeAdapter({ model, weights, adapter: fitted, config: baseConfig }, layout),
    ...await textFiles(files),
  };
  await writeFolder(out, content, own.overwrite === true, interrupt.check);
  print(`Model    ${out}, ${counted(adapter.modules.length, "module")} merged, ${layout.dtype}`);
}

/** What is merged must not be replaced by what comes of it. */
async function refuseInput(out: string, flag: string, input: string): Promise<void> {
  const [target, source] = await Promise.all(
    [out, input].map((path) => Deno.realPath(path).catch(() => undefined)),
  );
  if (target === undefined || target !== source) return;
  throw new UserError(`Cannot write to "${out}": ${flag} is in that folder; use another --out`);
}

function readLayout(own: GivenFlags["own"]): CheckpointLayout {
  const { dtype, shardBytes } = defaultCheckpointLayout;
  return {
    dtype: readOwnFlag(own, "dtype", choice(checkpointDtypes)) ?? dtype,
    shardBytes: own.shardSize === undefined
      ? shardBytes
      : readSize("--shard-size", String(own.shardSize)),
  };
}

const units: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

/** A number of bytes, as people write it: "500MB". Units are powers of 1000, as Hugging Face's are. */
function readSize(flag: string, text: string): number {
  const [, number, unit] = /^(\d+\.?\d*) ?([KMG]B)$/i.exec(text) ?? [];
  const bytes = Number(number) * units[unit?.toUpperCase()];
  if (bytes >= 1) return bytes;
  throw new UserError(`Cannot use ${flag}: expected a size such as 500MB or 2GB, got "${text}"`);
}

if (import.meta.main) await runCommand(() => merge(Deno.args, (line) => console.log(line)));
