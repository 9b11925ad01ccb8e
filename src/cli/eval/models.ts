/** What is evaluated side by side: a base, and the base with an adapter. @module */

import { completeRunConfig } from "../../federated/complete_run_config.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { checkDecoder, type RunSetup, setUpRun } from "../../federated/run_setup.ts";
import { openModelWeights } from "../../lora/model_weights.ts";
import type { FittedAdapter } from "../../lora/peft_fit.ts";
import type { ImportedAdapter } from "../../lora/peft_import.ts";
import type { InstalledAdapter } from "../../lora/session.ts";
import { readModel } from "../../models/mod.ts";
import type { ModuleComponents, NamedTensor } from "../../protocol/bank.ts";
import { UserError } from "../../protocol/errors.ts";
import { type ModelFiles, readConfig } from "../../weights/mod.ts";
import { fitToBase } from "../fit_to_base.ts";
import { readLabels } from "../sources.ts";
import { labelsOf, type OpenedBase, readOwnHead } from "./heads.ts";

/** A model to evaluate, by what is installed over the base. */
export interface Candidate {
  readonly name: "base" | "adapter";
  /** Whose classification head it has; none as a language model. */
  readonly head: "base" | "adapter" | "none";
  readonly adapter: InstalledAdapter;
}

/** Models of one base. */
export interface Candidates {
  readonly setup: RunSetup;
  /** The label set, in the order of the logits; empty of language models. */
  readonly labels: readonly string[];
  /** The base first. */
  readonly models: readonly Candidate[];
}

/** Where the models come from. */
export interface CandidateSources {
  /** The settings that were given. */
  readonly given: Partial<RunConfig>;
  readonly files: ModelFiles;
  /** Folder of the adapter, and what lies in it. */
  readonly folder: string | undefined;
  readonly adapter: ImportedAdapter | undefined;
  /** Hears what is worth knowing and no error. */
  readonly note: (line: string) => void;
}

/**
 * Opens a base and an adapter of it. As a classifier the base alone has its own head where its checkpoint has one of the same labels, else the
 * adapter's: what then is missing is what the adapter's components do.
 *
 * @throws UserError (of many kinds) when the adapter is another base's or for another task, there is no head, or nobody tells the labels.
 */
export async function openCandidates(sources: CandidateSources): Promise<Candidates> {
  const { given, files, note } = sources;
  const config = await readConfig(files) as OpenedBase["config"];
  const model = readModel(config);
  const task = given.task ?? "classify";
  // Said before an adapter is held to a base that could not have been meant.
  if (task !== "classify") checkDecoder(task, model);
  const weights = await openModelWeights(files, model);
  const base: OpenedBase = { name: given.model ?? files.label, files, config, model, weights };
  const adapter = sources.adapter === undefined
    ? undefined
    : await fittedAdapter(sources, sources.adapter, base);
  if (task === "classify") {
    return adapter === undefined
      ? await baseAlone(sources, base)
      : await classifiers(sources, base, adapter);
  }
  if (adapter?.classes !== undefined) {
    note("The adapter was trained for a classifier, whose head has no part in a language model");
  }
  const setup = await setUp(sources, [], adapter);
  return {
    setup,
    labels: [],
    models: candidatesOf(setup, adapter, { base: ["none", []], adapter: ["none", []] }),
  };
}

async function classifiers(
  sources: CandidateSources,
  base: OpenedBase,
  adapter: FittedAdapter,
): Promise<Candidates> {
  const { classes } = adapter;
  if (classes === undefined) {
    throw new UserError(
      `Cannot classify with the adapter "${sources.folder}", which has no head: as one of a language model it is for --task lm or chat`,
    );
  }
  const asked = await askedLabels(sources);
  if (adapter.labels !== null && asked !== undefined && !areEqual(adapter.labels, asked)) {
    throw new UserError(
      `Cannot use --labels: the adapter tells its own (${adapter.labels.join(", ")})`,
    );
  }
  const labels = labelsOf("the adapter", classes, adapter.labels ?? asked, base);
  const setup = await setUp(sources, labels, adapter);
  const own = await readOwnHead(base);
  const head = setup.adapted.layout.head.map(({ name }) =>
    adapter.head.find((tensor) => tensor.name === name)!
  );
  return {
    setup,
    labels,
    models: candidatesOf(setup, adapter, {
      base: own?.labels && areEqual(own.labels, labels) ? ["base", own.head] : ["adapter", head],
      adapter: ["adapter", head],
    }),
  };
}

async function baseAlone(sources: CandidateSources, base: OpenedBase): Promise<Candidates> {
  const own = await readOwnHead(base);
  if (own === undefined) {
    throw new UserError(
      `Cannot classify with "${base.name}" alone: it has no head for classification; name an --adapter that has one`,
    );
  }
  const labels = labelsOf(`"${base.name}"`, own.classes, await askedLabels(sources), base);
  const setup = await setUp(sources, labels);
  return { setup, labels, models: candidatesOf(setup, undefined, { base: ["base", own.head] }) };
}

async function askedLabels(
  { given: { labels } }: CandidateSources,
): Promise<readonly string[] | undefined> {
  return typeof labels === "string" ? await readLabels(labels) : labels ?? undefined;
}

function areEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((label, place) => label === other[place]);
}

/** The base without the adapter's components, and with them where there is an adapter; each with a head and whose it is. */
function candidatesOf(
  { adapted: { layout } }: RunSetup,
  adapter: FittedAdapter | undefined,
  heads: Partial<Record<Candidate["name"], readonly [Candidate["head"], readonly NamedTensor[]]>>,
): Candidate[] {
  const modules = layout.modules.map((module): ModuleComponents =>
    adapter?.modules.find(({ name }) => name === module.name) ?? {
      ...module,
      a: new Float32Array(layout.rank * module.inFeatures),
      b: new Float32Array(layout.rank * module.outFeatures),
    }
  );
  return (["base", "adapter"] as const).flatMap((name): Candidate[] => {
    if (heads[name] === undefined || name === "adapter" && adapter === undefined) return [];
    const [whose, head] = heads[name];
    const forward = modules.map(() => new Uint8Array(layout.rank).fill(name === "adapter" ? 1 : 0));
    return [{ name, head: whose, adapter: { modules, head, forward } }];
  });
}

async function fittedAdapter(
  { folder, note }: CandidateSources,
  adapter: ImportedAdapter,
  base: OpenedBase,
): Promise<FittedAdapter> {
  const fitted = await fitToBase(adapter, base, note);
  const { classes = 2 } = fitted;
  const ofHead = new Set(base.model.head(classes, base.weights.has).map(({ name }) => name));
  const other = fitted.head.find(({ name }) => !ofHead.has(name));
  if (other === undefined) return fitted;
  throw new UserError(
    `Cannot evaluate the adapter "${folder}" beside its base: it replaces "${other.name}" of the base; merge it by deno task merge, and evaluate what comes of it`,
  );
}

/** A run of the adapter's rank and modules that trains nothing, and so takes one row to train on; how many it evaluates at once is settled once they are read. */
async function setUp(
  { given, files }: CandidateSources,
  labels: readonly string[],
  adapter?: FittedAdapter,
): Promise<RunSetup> {
  const rank = adapter?.rank ?? 1;
  const shape = {
    clients: 1,
    ranks: [rank],
    rank,
    alpha: rank,
    batch: 1,
    evalBatch: 1,
    localSteps: 1,
  };
  const targets = adapter === undefined ? null : exactly(adapter.modules.map(({ name }) => name));
  const config = completeRunConfig({ ...given, ...shape, targets });
  return await setUpRun({ config, files, labels });
}

/** A regular expression for these names and no others. */
function exactly(names: readonly string[]): string {
  return `^(?:${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})$`;
}
