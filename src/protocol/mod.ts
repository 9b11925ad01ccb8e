/**
 * The protocol of HAFL, federated LoRA with importance-aware components, after arXiv 2411.06581 v1: what a client receives and trains,
 * what goes over the wire, and how the server combines. Pure functions over plain data; no input or output, no engine.
 *
 * A round: {@linkcode dealRound} deals components; {@linkcode encodeDownload} and {@linkcode applyDownload} bring them to a client; after its
 * local steps {@linkcode extractUpdate} and {@linkcode encodeUpdate} bring the trained ones back; {@linkcode validateUpdate} checks them and
 * an {@linkcode Aggregator} makes the next {@linkcode AdapterBank}.
 *
 * @example A round of one client that trains 2 of 4 components
 * ```ts
 * import * as hafl from "./mod.ts";
 *
 * const modules = [{ name: "q_proj", inFeatures: 3, outFeatures: 2 }];
 * const bank = hafl.createBank({ modules, rank: 4, alpha: 8, seed: 1, head: [] });
 * const run = { run: "example" };
 * const [deal] = hafl.dealRound({
 *   bank,
 *   participants: [{ client: 0, rank: 2 }],
 *   method: "freeze",
 *   scope: hafl.selectPerModule,
 *   selector: hafl.greedy,
 *   warmupRounds: 2,
 *   round: 0,
 *   seed: 1,
 * });
 *
 * // On the client: all of the bank comes in, its own components go out.
 * const down = hafl.encodeDownload(bank, deal, run);
 * const client = hafl.applyDownload(bank, hafl.decodeDownload(down.bytes, bank));
 * for (const i of deal.indices[0]) client.modules[0].b[i] += 0.5; // stands for local training
 * const up = hafl.encodeUpdate(bank, hafl.extractUpdate(bank, deal, { ...client, samples: 100 }), run);
 *
 * // On the server.
 * const { update } = hafl.decodeUpdate(up.bytes, bank);
 * hafl.validateUpdate(bank, deal, update);
 * const next = hafl.aggregate(hafl.adaptive, bank, [update]);
 * if (next.trained[0].reduce((sum, flag) => sum + flag, 0) !== 2) throw new Error("unreachable");
 * if (up.sizes.lora * 2 !== down.sizes.lora) throw new Error("half of the components go up");
 * ```
 *
 * @module
 */

export * from "./aggregate/mod.ts";
export {
  type AdapterBank,
  type AdapterLayout,
  type BankMoment,
  type BankSettings,
  createBank,
  freshComponents,
  type ModuleComponents,
  type ModuleShape,
  type NamedTensor,
  scale,
  type ServerMoments,
} from "./bank.ts";
export { decodeBank, encodeBank } from "./bank_codec.ts";
export { type MergedBase, mergeStack, withoutStack } from "./merged_base.ts";
export { decodeMerged, encodeMerged } from "./merged_codec.ts";
export { decodeMoments, encodeMoments } from "./moments_codec.ts";
export { checkClientChoice, ClientChoiceError, clientsChoose } from "./client_choice.ts";
export {
  type ComponentSlices,
  deltaWeight,
  gatherComponents,
  scatterComponents,
} from "./components.ts";
export {
  chooseComponents,
  type Deal,
  dealOf,
  dealRound,
  holdsComponents,
  type Participant,
  type RoundSettings,
  type SelectionSettings,
} from "./deal.ts";
export { UserError } from "./errors.ts";
export * from "./http/mod.ts";
export {
  languageManifestKind,
  type ManifestKind,
  manifestKind,
  manifestKinds,
  type ModelIdentity,
  type Participation,
  type RanksPolicy,
  type RunManifest,
  sampleSize,
  type ServerMethod,
  type UpdateLimits,
} from "./manifest.ts";
export { manifestKindOf, taskOf } from "./manifest_task.ts";
export * from "./messages/mod.ts";
export {
  checkMethod,
  type Distribution,
  distributions,
  factorChoices,
  type Factors,
  isServable,
  type Method,
  needsEqualRanks,
  type RankBy,
  rankingParties,
  type Scope,
  scopedSelections,
  scopes,
  type ScoreKind,
  scoreKinds,
} from "./method.ts";
export * from "./methods/mod.ts";
export { randomSeed, type RandomStream, randomStream } from "./random.ts";
export {
  chooseTier,
  type ClientMeans,
  DEADLINE_SHARE,
  type MessageBytes,
  messageBytes,
  type RoundDemand,
  type TierChoice,
} from "./rank_choice.ts";
export { rankFactor, type RankRate, rankRates } from "./rank_rate.ts";
export { dealRanks, RankError } from "./ranks.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  parseSafetensorsHeader,
  type SafetensorsArray,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsHeader,
  safetensorsHeaderLength,
  type SafetensorsInput,
  type SafetensorsTensor,
  toFloat32,
} from "./safetensors.ts";
export { type ClientSample, sampleClients } from "./sampling.ts";
export {
  componentScores,
  magnitudeScores,
  maskScores,
  mergeScores,
  type ModuleSensitivity,
  randomScores,
  type ScoreMerge,
  type ScoreReport,
  type SensitivityScore,
  type SmoothedPair,
  startScoreMerge,
} from "./scores.ts";
export {
  first,
  greedy,
  random,
  sampled,
  type ScopedSelection,
  selectGlobal,
  type Selector,
  type SelectorName,
  selectorNames,
  selectorOf,
  selectPerModule,
} from "./selection.ts";
export {
  checkServerOptimizer,
  type ServerOptimizer,
  type ServerOptimizerKind,
  serverOptimizerKinds,
  serverOptimizerOf,
  type ServerOptimizerSettings,
  serverOptimizerSettings,
  stepServer,
  type TrainedParts,
  withServerOptimizer,
} from "./server_optimizer.ts";
export { type LanguageTask, languageTasks, type Task, tasks } from "./task.ts";
export { type ClientResult, type ClientUpdate, extractUpdate } from "./update.ts";
export {
  adamRatio,
  honestNormBound,
  type TrainingBoundSettings,
  updateNorm,
} from "./update_norm.ts";
export { UpdateError, type UpdateFault, validateUpdate } from "./validate_update.ts";
export { type WarmUp, warmUpDeal } from "./warm_up.ts";
