/**
 * Every setting of a training run as plain data.
 *
 * The settings stand in `settings/`, a file for each topic: what a setting is, its default with the reason, and its row in the table (settings.ts)
 * from which the command's flags, its configuration file and their checks come.
 *
 * @module
 */
import { type DataConfig, dataDefaults } from "./settings/data.ts";
import { type ExecutionConfig, executionDefaults } from "./settings/execution.ts";
import { type FederationConfig, federationDefaults } from "./settings/federation.ts";
import { type MethodConfig, methodDefaults } from "./settings/method.ts";
import { type BaseModelConfig, modelDefaults } from "./settings/model.ts";
import { type OptimisationConfig, optimisationDefaults } from "./settings/optimisation.ts";

/**
 * All settings of a run; null means "not set". Paths are relative to the working directory, shares lie in [0, 1).
 *
 * A setting's flag is its key in kebab-case (`--seq-len`). {@linkcode defaultConfig} holds the defaults.
 */
export interface RunConfig
  extends
    BaseModelConfig,
    DataConfig,
    FederationConfig,
    MethodConfig,
    OptimisationConfig,
    ExecutionConfig {}

/**
 * Settings whose default follows from other settings (half of `seqLen` and `seqLen`, the largest of `ranks`, what is usual under `serverOptimizer`)
 * or from the machine (all processors, the time).
 */
export type DerivedKey = "buckets" | "rank" | "serverLr" | "threads" | "out";

/** The defaults that are fixed values; {@linkcode completeRunConfig} derives the others. */
export const defaultConfig: Omit<RunConfig, DerivedKey> = {
  ...modelDefaults,
  ...dataDefaults,
  ...federationDefaults,
  ...methodDefaults,
  ...optimisationDefaults,
  ...executionDefaults,
};
