/** `deno task run create`: makes a run beside its model, uploads it, and invites its clients. @module */

import { basename } from "node:path";
import { Option } from "commander";
import { checkEffects } from "../../federated/check_effects.ts";
import { createManifest } from "../../federated/remote/manifest.ts";
import { checkServable } from "../../federated/remote/simulation_only.ts";
import {
  languageTrainingKeys,
  laterTrainingKeys,
  methodKeys,
  trainingKeys,
} from "../../federated/remote/training_settings.ts";
import { completeRemoteConfig, completeRunConfig } from "../../federated/complete_run_config.ts";
import { defaultConfig, type RunConfig } from "../../federated/run_config.ts";
import { flagName } from "../../federated/setting_text.ts";
import { type SettingKey, settingKeys } from "../../federated/settings.ts";
import { encodeBank } from "../../protocol/bank_codec.ts";
import { UserError } from "../../protocol/errors.ts";
import type { RunManifest } from "../../protocol/manifest.ts";
import type { ModelFiles } from "../../weights/mod.ts";
import { type GivenFlags, readFlags } from "../flags.ts";
import { modelName, openData, openModelFiles, readLabels } from "../sources.ts";
import { createRun, invite, putBank, stopRun } from "./admin_api.ts";
import { adminOptions, readServer } from "./admin_flags.ts";
import type { AdminServer } from "./admin_server.ts";
import type { RunCommand } from "./command.ts";
import { joiningFlags, printInvitations, showInvitations } from "./invitations.ts";
import { participationOptions, readLimits, readParticipation } from "./participation_flags.ts";
import { ranksPolicy, ranksSetting, readRanks } from "./ranks_policy.ts";
import { serveModel } from "./serve_model.ts";
import { describeRun } from "./manifest_text.ts";

/** Settings by which the label set is found. */
const labelSources = ["data", "textColumn", "labelColumn", "labels"] as const;

const taken: ReadonlySet<SettingKey> = new Set<SettingKey>([
  "task",
  ...trainingKeys,
  ...languageTrainingKeys,
  ...laterTrainingKeys,
  ...methodKeys,
  "serverOptimizer",
  "serverLr",
  "serverBeta1",
  "serverBeta2",
  "serverEpsilon",
  "model",
  "revision",
  "alpha",
  ...labelSources,
  "clients",
  "rank",
  "rounds",
  "seed",
  "format",
  "offline",
  "cacheDir",
]);

/** In the order of the table, which is that of the help text. */
const settings = settingKeys.filter((key) => taken.has(key));

const ownOptions = [
  new Option("--name <name>", "the run's name, for people").helpGroup("Run:"),
  new Option(
    "--serve-model",
    "upload the base model, so that clients can use --model server",
  ).helpGroup("Model:"),
  new Option(
    "--ranks <policy>",
    "each client's rank: tiers dealt over the seats (2,4,8), its own (stated), or the largest it " +
      `can train in time (auto:2,4,8) (default: ${defaultConfig.ranks.join(",")})`,
  ).helpGroup("Federation:"),
];

const description = {
  name: "deno task run create",
  summary:
    "Creates a run on a server and prints an invitation for each client. A classifier's labels are those of --data " +
    "(of which nothing is sent), or --labels; a language model (--task lm or chat) needs neither.",
  settings,
  options: [...ownOptions, ...participationOptions(), ...adminOptions()],
  fileSettings: ["ranks"] as const,
};

/** The subcommand. */
export const create: RunCommand = {
  summary: "create a run and print its invitations",
  async run(args, print) {
    const flags = await readFlags(args, description);
    const admin = await readServer(flags.own);
    const { config, sources } = await readRun(flags);
    const { manifest, bank } = await createManifest(sources);
    const note = config.format === "text" ? print : () => {};
    if (flags.own.serveModel) {
      await serveModel(admin, manifest.model, sources.files, note);
    }
    const run = await upload(admin, manifest, encodeBank(bank));
    const { server } = admin;
    for (const line of describeRun(run, server, manifest)) note(line);
    note("");
    const { joining, invitations } = await inviteClients(admin, run, manifest);
    const shown = showInvitations(server, run, manifest.ranks, invitations);
    const facts = { run, name: manifest.name, server };
    printInvitations(shown, facts, config.format, print, joining);
  },
};

/** @throws UserError that names the run: it is there, and only its invitations are to be made again. */
async function inviteClients(admin: AdminServer, run: string, manifest: RunManifest) {
  try {
    const joining = await joiningFlags(admin, manifest, "client");
    return { joining, invitations: await invite(admin, run) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `${error.message}; run ${run} is created, invite its clients with: deno task run invite ${run}`,
      { cause: error },
    );
  }
}

async function readRun({ settings: given, own }: GivenFlags) {
  const choice = readRanks(String(own.ranks ?? (given.ranks ?? defaultConfig.ranks).join(",")));
  const { labels: givenLabels = null, ...rest } = given;
  const config = completeConfig({ ...given, ranks: ranksSetting(choice, given.rank) });
  checkEffects(rest, config);
  checkServable(config); // before its ranks are dealt: a pooled run has one
  const files = await openModelFiles(config);
  const ranks = ranksPolicy(choice, config.clients, config.rank);
  return {
    config,
    sources: {
      name: String(own.name ?? usualName(config, files)),
      config,
      files,
      modelName: modelName(config, files),
      labels: await labelSet(config, givenLabels),
      participation: readParticipation(own, config.clients),
      ranks,
      limits: readLimits(own),
    },
  };
}

/** The settings of a run. Labels beside data are checked against these; without any they are the whole of what is known of the data. */
function completeConfig({ labels = null, ...given }: Partial<RunConfig>): RunConfig {
  const { task = "classify", data = null } = given;
  if (task === "classify") return completeRunConfig({ ...given, ...(data !== null && { labels }) });
  const all: Partial<RunConfig> = { ...given, labels };
  const useless = labelSources.find((key) => (all[key] ?? null) !== null);
  if (useless === undefined) return completeRemoteConfig(given);
  throw new UserError(
    `Cannot use ${
      flagName(useless)
    } with --task ${task}: a language model has no labels, and its texts are with the clients`,
  );
}

/** What a run is called whose administrator gives it no name: after its data, or after its model where these are with the clients alone. */
function usualName(config: RunConfig, files: ModelFiles): string {
  if (config.task !== "classify") return modelName(config, files);
  return config.data === null ? "built-in corpus" : basename(config.data);
}

/** The label set: from the data, where there is some, for a list given beside it is checked against it. */
async function labelSet(
  config: RunConfig,
  given: RunConfig["labels"],
): Promise<readonly string[]> {
  if (config.task !== "classify") return [];
  if (config.data !== null || given === null) return (await openData(config)).labels;
  return typeof given === "string" ? await readLabels(given) : given;
}

/** A run whose bank does not arrive would stay a draft for ever. */
async function upload(
  admin: AdminServer,
  manifest: RunManifest,
  bank: Uint8Array,
): Promise<string> {
  const run = await createRun(admin, manifest);
  try {
    await putBank(admin, run, bank);
  } catch (error) {
    await stopRun(admin, run).catch(() => {}); // what went wrong first is what matters
    throw error;
  }
  return run;
}
