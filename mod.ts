/**
 * HAFL: federated LoRA fine-tuning of language models by clients of unequal means, on WGSL kernels of its own.
 *
 * The path of a run: {@linkcode completeRunConfig} fills in the settings, {@linkcode loadData} or {@linkcode builtinCorpus} gives labelled texts,
 * {@linkcode folderFiles}, {@linkcode hubFiles} or {@linkcode builtInBase} the model; {@linkcode prepareFederation} makes a federation of them,
 * {@linkcode openSession} puts it on a device, {@linkcode startState} and {@linkcode runRound} train it, {@linkcode exportPeft} gives the adapter's files.
 *
 * @example Train a small federation
 * ```ts
 * import * as hafl from "./mod.ts";
 *
 * const config = hafl.completeRunConfig({ clients: 3, ranks: [2, 4, 8], rounds: 1, localSteps: 2, threads: 1 });
 * const { federation } = await hafl.prepareFederation({
 *   config,
 *   files: hafl.builtInBase(),
 *   data: hafl.builtinCorpus(1, { train: 60, validation: 20, test: 20 }),
 *   createTokenizer: hafl.createTokenizer,
 * });
 * const session = await hafl.openSession(federation, config);
 * const start = await hafl.startState(federation, session);
 * const { state, record } = await hafl.runRound(federation, session, start);
 * const files = hafl.exportPeft(state.bank, { baseModel: "built-in base", loraDropout: 0 });
 * await session.executor.close();
 * if (record.round !== 1 || files["adapter_model.safetensors"].length === 0) throw new Error("unreachable");
 * ```
 *
 * @module
 */

// Settings and the run.
export { clientRound, DivergedError } from "./src/federated/client_round.ts";
export type {
  ClientOutcome,
  LocalData,
  LocalSettings,
  OnStep,
  TrainedAdapter,
} from "./src/federated/client_round.ts";
export {
  areLabelled,
  areTokenRows,
  type BatchSettings,
  stepBatches,
} from "./src/federated/device_batches.ts";
export { initialBank } from "./src/federated/federation.ts";
export type {
  FederatedClient,
  Federation,
  ServerSettings,
  TrainableModel,
} from "./src/federated/federation.ts";
export { type DeviceChoice, openSession } from "./src/federated/open_session.ts";
export { dealSamples, prepareFederation } from "./src/federated/prepare.ts";
export type { PreparedRun, RunSources } from "./src/federated/prepare.ts";
export {
  completeRemoteConfig,
  completeRunConfig,
  type Surroundings,
} from "./src/federated/complete_run_config.ts";
export { defaultConfig, type DerivedKey, type RunConfig } from "./src/federated/run_config.ts";
export type { DataConfig } from "./src/federated/settings/data.ts";
export type { FederationConfig } from "./src/federated/settings/federation.ts";
export type { BaseModelConfig } from "./src/federated/settings/model.ts";
export { accuracyOf, isLabelled, meanLoss, meritOf } from "./src/federated/model_scores.ts";
export type { OptimisationConfig } from "./src/federated/settings/optimisation.ts";
export {
  type DeviceName,
  deviceNames,
  type ExecutionConfig,
  type OutputFormat,
  outputFormats,
} from "./src/federated/settings/execution.ts";
export {
  type MethodConfig,
  type OptimizerStateRule,
  optimizerStateRules,
} from "./src/federated/settings/method.ts";
export { chooseTargets } from "./src/federated/targets.ts";
export type { CreateTokenizer } from "./src/federated/tokenize_rows.ts";
export {
  type Attendance,
  type Attendant,
  type Fate,
  fullAttendance,
} from "./src/federated/attendance.ts";
export { keepInMemory } from "./src/federated/client_memory.ts";
export type {
  ClientMemory,
  KeepMemory,
  KeptMemory,
  OwnModel,
} from "./src/federated/client_memory.ts";
export type {
  CollectedUpdates,
  CollectionHooks,
  SentUpdate,
  StepEvent,
  StepListener,
} from "./src/federated/collect_updates.ts";
export {
  type ClientTurn,
  type Course,
  courseOf,
  type DealtRound,
  type EvaluationOptions,
  type ModelScores,
  type RunModels,
} from "./src/federated/course.ts";
export { evaluateBank, type OnBatch } from "./src/federated/evaluate_bank.ts";
export type { Tally } from "./src/federated/tally.ts";
export { type RoundHooks, runRound, startState } from "./src/federated/simulate.ts";
export { decodeState, encodeState, memoriesOf } from "./src/federated/state.ts";
export type { BestRound, FederationState } from "./src/federated/state.ts";

// A federation over HTTP: what makes a run, and what a client does.
export { createManifest, type ManifestSources } from "./src/federated/remote/manifest.ts";
export { readManifest } from "./src/federated/remote/read_manifest.ts";
export {
  type ClientFederation,
  clientFederation,
  type ClientSources,
  type TokenizedData,
} from "./src/federated/remote/client_federation.ts";
export {
  type BankEvaluation,
  type ClientEvent,
  type ClientJob,
  type OnTrainerStep,
  RoundFailure,
  type Scorable,
  type TrainedRound,
  type Trainer,
} from "./src/federated/remote/client_job.ts";
export {
  type ClientKey,
  createKey,
  openKey,
  type StoredKey,
} from "./src/federated/remote/client_key.ts";
export { type ClientEnd, runClient } from "./src/federated/remote/client_loop.ts";
export { type ClientStore, type StoredName } from "./src/federated/remote/client_store.ts";
export { type Connection, type Fetch, type OnReach } from "./src/federated/remote/connection.ts";
export {
  type InvitationLink,
  invitationUrl,
  readServerUrl,
} from "./src/federated/remote/invitation_url.ts";
export { type ProblemFacts, RemoteProblem } from "./src/federated/remote/remote_problem.ts";
export {
  type Patience,
  type Sleep,
  timerSleep,
  usualPatience,
} from "./src/federated/remote/retry.ts";
export {
  type KeptSeat,
  keyOf,
  type Seat,
  settleSeat,
  takeSeat,
} from "./src/federated/remote/seat.ts";

export { loadAggregator } from "./src/protocol/aggregate/load_aggregator.ts";

// Models, weights, data.
export * from "./src/data/mod.ts";
export * from "./src/models/mod.ts";
export {
  type ByteFile,
  type CheckpointDtype,
  checkpointDtypes,
  type CheckpointFiles,
  checkpointFiles,
  type CheckpointLayout,
  type HubCache,
  type HubEnvironment,
  HubError,
  hubFiles,
  type HubOptions,
  type ModelFiles,
  ModelFolderError,
  modelHash,
  openWeights,
  readConfig,
  readTokenizerFiles,
  textFiles,
  type TokenizerFiles,
  WeightsError,
  type WeightSource,
  withChatTemplate,
  withPrefixes,
} from "./src/weights/mod.ts";
export { builtInBase } from "./src/weights/built_in_base.ts";
export { type ClientMemories, clientMemories } from "./src/cli/client_memories.ts";
export { folderCache, folderFiles } from "./src/cli/deno_files.ts";
export { fileCache } from "./src/cli/file_cache.ts";

// LoRA on a device.
export { type AdaptedModel, type BaseDtype, baseDtypes } from "./src/lora/adapted_model.ts";
export { type PackedLayout, packLayout, type Slice } from "./src/lora/layout.ts";
export { loadAdaptedModel, type ProgramSizes, type WeightLoader } from "./src/lora/load.ts";
export { mergeDelta } from "./src/lora/merge.ts";
export { type AdapterMerge, mergeAdapter } from "./src/lora/merge_adapter.ts";
export { defaultCheckpointLayout } from "./src/lora/merged_files.ts";
export { exportMergedModel, type MergedModel } from "./src/lora/merged_model.ts";
export { type OptimizerKind, optimizerKinds } from "./src/engine/ops/optimizer.ts";
export type { OptimizerSettings, TrainedComponents } from "./src/lora/optimizer_settings.ts";
export { exportPeft, PeftError, type PeftFiles, type PeftSettings } from "./src/lora/peft.ts";
export { type PeftLayout, peftLayouts } from "./src/lora/peft_layout.ts";
export {
  type AdapterBase,
  compareBase,
  fitAdapter,
  type FittedAdapter,
  type NamedBase,
} from "./src/lora/peft_fit.ts";
export { type ImportedAdapter, importPeft } from "./src/lora/peft_import.ts";
export {
  type ClassificationScore,
  classificationScore,
  type Confusion,
  type LabelScore,
} from "./src/lora/metrics.ts";
export type { OnPrediction } from "./src/lora/evaluate.ts";
export {
  type Schedule,
  scheduleFactor,
  type ScheduleKind,
  scheduleKinds,
} from "./src/lora/schedule.ts";
export { evaluate, evaluateTokens } from "./src/lora/evaluate.ts";
export { installAdapter, installOptimizerState, readAdapter, train } from "./src/lora/session.ts";
export type {
  Evaluation,
  LabelCount,
  ModelEvaluation,
  TokenEvaluation,
} from "./src/lora/evaluate.ts";
export type {
  ClassifierBatch,
  DeviceBatch,
  InstalledAdapter,
  LanguageModelBatch,
  OptimizerState,
  SeededBatch,
  Session,
  TrainingStep,
} from "./src/lora/session.ts";

// Text from a decoder.
export * from "./src/generate/mod.ts";
export { openModelWeights } from "./src/lora/model_weights.ts";

// Devices.
export { type CpuDeviceOptions, createCpuDevice } from "./src/engine/cpu/device.ts";
export {
  type BufferData,
  type Device,
  type DeviceInfo,
  DeviceLostError,
  type Executor,
  type Tuning,
} from "./src/engine/device.ts";
export { HalfRangeError } from "./src/engine/half.ts";
export type { Cost } from "./src/engine/op.ts";
export type { Bandwidth, Ceiling, CeilingShare } from "./src/engine/profile/ceiling.ts";
export { measureCpuCeiling } from "./src/engine/profile/cpu_ceiling.ts";
export type * from "./src/engine/profile/profile.ts";
export { type KernelRow, kernelRows } from "./src/engine/profile/rows.ts";
export { measureWebgpuCeiling } from "./src/engine/profile/webgpu_ceiling.ts";
export type * from "./src/engine/program.ts";
export { NoAdapterError } from "./src/engine/webgpu/adapter.ts";
export { HalfPrecisionError } from "./src/engine/webgpu/half_check.ts";
export { createWebgpuDevice, type WebgpuDeviceOptions } from "./src/engine/webgpu/device.ts";

// The protocol: what the simulation, a server and its clients share.
export * from "./src/protocol/mod.ts";
export type {
  AnyRoundRecord,
  AnyRunSummary,
  AttendanceRecord,
  ClientFacts,
  RoundFacts,
  RoundRecord,
  RoundResult,
  RunFacts,
  RunSummary,
  RunTotals,
  SummarizedRun,
  TestResult,
  TierRecord,
  TokenCounts,
  TokenRoundRecord,
  TokenRoundResult,
  TokenRunSummary,
  TokenTestResult,
  TokenTierRecord,
} from "./src/protocol/records.ts";
export {
  isTokenRecord,
  isTokenSummary,
  perplexityOf,
  summarizeAnyRun,
  summarizeRun,
  summarizeTokenRun,
} from "./src/protocol/records.ts";
