/** Checks of a run's settings against one another; each by itself is checked by the table. @module */

import { dealsByLabel } from "../data/partition.ts";
import { countOf } from "../protocol/count_of.ts";
import { UserError } from "../protocol/errors.ts";
import { checkMethod, needsEqualRanks } from "../protocol/method.ts";
import { RankError } from "../protocol/ranks.ts";
import { checkServerOptimizer } from "../protocol/server_optimizer.ts";
import { checkFixedSettings } from "./fixed_settings.ts";
import { defaultConfig, type RunConfig } from "./run_config.ts";
import { flagName } from "./setting_text.ts";

/**
 * Checks complete settings.
 *
 * @throws UserError naming the first two that contradict each other.
 */
export function checkRunConfig(config: RunConfig): void {
  checkTask(config);
  checkSources(config);
  checkTraining(config);
}

/**
 * Checks complete settings of a run whose data are with its clients: nothing is said of them.
 *
 * @throws UserError naming the first two that contradict each other.
 */
export function checkRemoteConfig(config: RunConfig): void {
  checkTask(config);
  checkTraining(config);
}

function checkTraining(config: RunConfig): void {
  checkRanks(config);
  checkMethod(config, config.ranks, config.rank);
  checkServerOptimizer(config.serverOptimizer, config.aggregation);
  checkFixedSettings(config);
  checkBuckets(config);
}

/** What a language model leaves no room for. */
function checkTask({ task, method, seqLen, labels, partition }: RunConfig): void {
  if (task === "classify") return;
  const flag = `--task ${task}`;
  if (method === "head") {
    throw new UserError(
      `Cannot use --method head with ${flag}: a language model has no head that is trained`,
    );
  }
  if (seqLen < 2) {
    throw new UserError(
      `Cannot use --seq-len ${seqLen} with ${flag}: expected at least 2, as a token is predicted from one before it`,
    );
  }
  if (labels !== null && !dealsByLabel(partition)) {
    throw new UserError(
      `Cannot use --labels with ${flag}: labels only deal texts to clients, by --partition dirichlet or shards`,
    );
  }
}

/** Settings that say how to read a data file, and so need one. */
const readingSettings = ["textColumn", "labelColumn", "labels", "strip"] as const;

function checkSources(config: RunConfig): void {
  if (config.task !== "classify" && config.data === null) {
    throw new UserError(
      `Cannot use --task ${config.task} without --data: the built-in corpus has ${
        config.task === "chat"
          ? "no conversations"
          : "generated posts to classify, and no text to learn a language from"
      }`,
    );
  }
  const reading = readingSettings.find((key) =>
    JSON.stringify(config[key]) !== JSON.stringify(defaultConfig[key])
  );
  if (config.data === null && reading !== undefined) {
    throw new UserError(
      `Cannot use ${flagName(reading)} without --data: the built-in corpus has its own rows and ` +
        "labels",
    );
  }
  if (config.revision !== null && config.model === null) {
    throw new UserError(
      "Cannot use --revision without --model: the built-in base has one revision",
    );
  }
}

function checkRanks(config: RunConfig): void {
  const { clients, ranks, rank } = config;
  const largest = Math.max(...ranks);
  if (largest > rank) {
    throw new UserError(
      `Cannot give a client rank ${largest} (--ranks): expected at most the server's rank, ` +
        `${rank} (--rank)`,
    );
  }
  // The default tiers are for ten clients; fewer clients than tiers has to be a choice of ranks.
  if (ranks.length > clients) {
    throw new UserError(
      `Cannot deal ${ranks.length} ranks (--ranks ${ranks.join(",")}) over ` +
        `${countOf(clients, "client")}: expected at most one rank a client`,
    );
  }
  const other = ranks.find((own) => own !== rank);
  if (needsEqualRanks(config) && other !== undefined) {
    throw new RankError(
      `Cannot use ${config.method} + ${config.aggregation}: expected every client at rank ` +
        `${rank}, got rank ${other} (--ranks ${ranks.join(",")}); use --ranks ${rank}`,
    );
  }
}

function checkBuckets({ buckets, seqLen }: RunConfig): void {
  const longest = buckets[buckets.length - 1];
  if (longest === seqLen) return;
  throw new UserError(
    `Cannot use --buckets ${buckets.join(",")}: expected the longest to be --seq-len ${seqLen}, ` +
      `got ${longest}`,
  );
}
