/** Makes a run's manifest and initial bank, beside its model. @module */

import { checkLabelSet } from "../../data/label_set.ts";
import type { AdapterBank } from "../../protocol/bank.ts";
import { UserError } from "../../protocol/errors.ts";
import type {
  Participation,
  RanksPolicy,
  RunManifest,
  UpdateLimits,
} from "../../protocol/manifest.ts";
import { manifestKindOf } from "../../protocol/manifest_task.ts";
import { checkMethod, needsEqualRanks } from "../../protocol/method.ts";
import { RankError } from "../../protocol/ranks.ts";
import { serverOptimizerOf } from "../../protocol/server_optimizer.ts";
import { honestNormBound } from "../../protocol/update_norm.ts";
import { type ModelFiles, modelHash } from "../../weights/mod.ts";
import { initialBank } from "../federation.ts";
import type { RunConfig } from "../run_config.ts";
import { setUpRun } from "../run_setup.ts";
import { checkReading } from "../tokenize_rows.ts";
import { chatTemplateHash } from "./chat_template_hash.ts";
import { layoutOf } from "./run_layout.ts";
import { readManifest } from "./read_manifest.ts";
import { checkServable } from "./simulation_only.ts";
import { manifestConfig, trainingSettings } from "./training_settings.ts";

/** A run to be created. */
export interface ManifestSources {
  /** The run's name, for people. */
  readonly name: string;
  /** Complete settings, as {@linkcode completeRunConfig} returns them; what concerns data files and devices is not looked at. */
  readonly config: RunConfig;
  /** The base model. */
  readonly files: ModelFiles;
  /** What the manifest calls the model; `files.label` when left out. */
  readonly modelName?: string;
  /** The label set, in the order of the classifier's outputs; empty of a language model. */
  readonly labels: readonly string[];
  /** Who takes part. */
  readonly participation: Participation;
  /** How ranks are settled. */
  readonly ranks: RanksPolicy;
  /** Bounds of an update; without them the largest update that honest training can give, of at most a million samples. */
  readonly limits?: Partial<UpdateLimits>;
}

/** Largest n_k of a run that names none: far above any client's data, far below what would drown all others. */
const MAX_SAMPLES = 1_000_000;

/** Largest norm where nothing bounds training, as under SGD without clipping: squares of it still fit into float64, and JSON can say it. */
const MAX_NORM = 1e30;

/**
 * Makes the manifest of a run, and the bank it starts from: byte for byte that of a simulation with the same settings.
 *
 * @throws UserError (of many kinds) naming the setting that does not fit the model or the others.
 */
export async function createManifest(
  sources: ManifestSources,
): Promise<{ readonly manifest: RunManifest; readonly bank: AdapterBank }> {
  const { name, config, files, labels, participation, ranks, limits } = sources;
  checkServable(config);
  checkLabelSet(labels);
  checkParticipation(participation);
  checkRanks(config, participation, ranks);
  const setup = await setUpRun({ config, files, labels });
  checkReading(setup);
  const { task } = config;
  const template = task === "chat" && await chatTemplateHash(setup.tokenizer.files.config);
  const serverOptimizer = serverOptimizerOf(config);
  const bank = initialBank(setup);
  const manifest: RunManifest = {
    kind: manifestKindOf(task),
    ...(task !== "classify" && { task }),
    name,
    model: {
      name: sources.modelName ?? files.label,
      revision: config.revision,
      hash: await modelHash(files),
      tokenizer: setup.tokenizer.hash,
      ...(template && { chatTemplate: template }),
    },
    labels,
    layout: layoutOf(setup.adapted.layout),
    alpha: config.alpha,
    rounds: config.rounds,
    seed: config.seed,
    method: {
      method: config.method,
      factors: config.factors,
      aggregation: config.aggregation,
      selection: config.selection,
      temperature: config.temperature,
      rankBy: config.rankBy,
      scope: config.scope,
      warmupRounds: config.warmupRounds,
      ...(serverOptimizer && { serverOptimizer }),
    },
    ranks,
    participation,
    limits: {
      maxSamples: limits?.maxSamples ?? MAX_SAMPLES,
      maxNorm: limits?.maxNorm ??
        Math.min(honestNormBound({ ...config, ranks: ranksOf(ranks) }, bank), MAX_NORM),
    },
    training: trainingSettings(config),
  };
  manifestConfig(readManifest(manifest)); // what no client would take is refused here
  return { manifest, bank };
}

function checkParticipation(participation: Participation): void {
  const { seats, start, perRound, overSelection, quorum, deadlineSeconds } = participation;
  checkWhole("--clients", seats, 1, Infinity, "");
  checkWhole("--per-round", perRound, 1, seats, ", the seats");
  checkWhole("--quorum", quorum, 1, perRound, ", the updates a round aims for");
  checkWhole("--start", start, quorum, seats, ", from the quorum to the seats");
  if (!(overSelection >= 1 && Number.isFinite(overSelection))) {
    throw new UserError(
      `Cannot use --over-selection ${overSelection}: expected a number of at least 1`,
    );
  }
  if (!(deadlineSeconds > 0 && Number.isFinite(deadlineSeconds))) {
    throw new UserError(`Cannot use --deadline ${deadlineSeconds}: expected a time above 0`);
  }
}

function checkWhole(flag: string, value: number, least: number, most: number, why: string): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const range = most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  throw new UserError(`Cannot use ${flag} ${value}: expected a whole number of ${range}${why}`);
}

function checkRanks(config: RunConfig, { seats }: Participation, policy: RanksPolicy): void {
  switch (policy.kind) {
    case "fixed":
      if (policy.ranks.length !== seats) {
        throw new RankError(
          `Cannot use fixed ranks: expected one for each of ${seats} seats, got ${policy.ranks.length}`,
        );
      }
      checkEach(policy.ranks, config.rank);
      checkMethod(config, policy.ranks, config.rank);
      break;
    case "stated":
      if (config.rank === 1 || !needsEqualRanks(config)) break;
      throw new RankError(
        `Cannot use --ranks stated with ${config.method} + ${config.aggregation}: every client needs ` +
          `the server's rank; use --ranks ${config.rank}`,
      );
    case "auto":
      if (policy.tiers.length === 0) {
        throw new RankError("Cannot use --ranks auto: expected at least one tier, got none");
      }
      checkEach(policy.tiers, config.rank);
      checkMethod(config, policy.tiers, config.rank);
      break;
    default:
      policy satisfies never;
  }
}

/** The ranks that clients can have, the smallest among them; those of the settings are dealt in a simulation alone. */
function ranksOf(policy: RanksPolicy): readonly number[] {
  switch (policy.kind) {
    case "fixed":
      return policy.ranks;
    case "stated":
      return [1];
    case "auto":
      return policy.tiers;
    default:
      return policy satisfies never;
  }
}

function checkEach(ranks: readonly number[], most: number): void {
  const bad = ranks.find((rank) => !Number.isSafeInteger(rank) || rank < 1 || rank > most);
  if (bad === undefined) return;
  throw new RankError(
    `Cannot give a client rank ${bad}: expected a whole number of 1 to the server's rank, ${most}`,
  );
}
