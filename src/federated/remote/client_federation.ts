/** A run as one of its remote clients has it. @module */

import { DataError } from "../../data/errors.ts";
import type { EncodeProgress, TokenCache } from "../../data/token_cache.ts";
import type { LabelledData, ModelRow, Sample } from "../../data/types.ts";
import type { SelectionSettings } from "../../protocol/deal.ts";
import { UserError } from "../../protocol/errors.ts";
import { builtInBaseName, type RunManifest } from "../../protocol/manifest.ts";
import { type ModelFiles, modelHash } from "../../weights/mod.ts";
import type { BaseDtype } from "../../lora/adapted_model.ts";
import type { LocalSettings } from "../client_round.ts";
import type { TrainableModel } from "../federation.ts";
import type { RunConfig } from "../run_config.ts";
import { type RunSetup, setUpRun } from "../run_setup.ts";
import { type CreateTokenizer, tokenizeRows } from "../tokenize_rows.ts";
import { chatTemplateHash } from "./chat_template_hash.ts";
import { readManifest } from "./read_manifest.ts";
import { isSameLayout } from "./run_layout.ts";
import { manifestConfig } from "./training_settings.ts";

/** What a client joins a run with. */
export interface ClientSources {
  /** The run's manifest, as the server sent it. */
  readonly manifest: RunManifest;
  /** The client's copy of the base model. */
  readonly files: ModelFiles;
  /** How the client's device stores it (default: f32). */
  readonly baseDtype?: BaseDtype;
  /** Whether its training steps run layers again instead of keeping what they computed (default: no). */
  readonly recompute?: boolean;
  /** Makes the model's tokenizer. */
  readonly createTokenizer: CreateTokenizer;
  /** Keeps token ids between starts. */
  readonly cache?: TokenCache | undefined;
  /** Told how many texts are tokenized. */
  readonly onProgress?: EncodeProgress | undefined;
}

/** The parts of a client's data, as the model reads them. */
export interface TokenizedData {
  /** To train on; in the order of the data. */
  readonly train: readonly ModelRow[];
  /** Held out by the client, to score published banks. */
  readonly validation: readonly ModelRow[];
  /** Marked "test" by the data. */
  readonly test: readonly ModelRow[];
}

/** Everything a client needs beside a device and a connection; {@linkcode openSession} and {@linkcode evaluateBank} take it as it is. */
export interface ClientFederation extends TrainableModel {
  /** What the client's rounds run with: the same as in a simulation of the run. */
  readonly local: LocalSettings;
  /** How components are picked, for a client that ranks for itself. */
  readonly selection: SelectionSettings;
  /** The run's settings, and the client's `baseDtype` and `recompute`; others that concern data, devices and files are defaults. */
  readonly config: RunConfig;
  /**
   * Tokenizes the client's data.
   *
   * @throws DataError naming the first row whose label is not one of the run's, or whose conversation cannot be rendered; where a language model has
   * nothing to predict in what it is to train on, or, of an evaluator, to be scored with.
   * @throws UserError when a token is not in the model's vocabulary.
   */
  tokenize(data: LabelledData): Promise<TokenizedData>;
}

/**
 * Sets up a client of a run, from its manifest and the client's own copy of the model.
 *
 * @throws UserError when the manifest is not one this version can join, or model or tokenizer are not those of the run.
 */
export async function clientFederation(sources: ClientSources): Promise<ClientFederation> {
  const { files, baseDtype = "f32", recompute = false } = sources;
  const { createTokenizer, cache, onProgress } = sources;
  const manifest = readManifest(sources.manifest);
  const { name, labels } = manifest;
  const config = { ...manifestConfig(manifest), baseDtype, recompute };
  await checkModel(manifest, files);
  const setup = await setUpRun({ config, files, labels });
  await checkTokenizer(manifest, files, setup);
  checkLayout(manifest, setup);
  const { adapted, sizes, weights, local, selection } = setup;
  return {
    adapted,
    sizes,
    weights,
    local,
    selection,
    config,
    async tokenize(data) {
      const rows = [...data.train, ...data.validation, ...data.test];
      if (config.task === "classify") checkLabels(name, labels, data.name, rows);
      const options = { setup, labels, createTokenizer, cache, onProgress };
      const tokenized = await tokenizeRows(rows, options);
      const parts = {
        train: tokenized(data.train),
        validation: tokenized(data.validation),
        test: tokenized(data.test),
      };
      if (config.task !== "classify") checkPredictions(config, data, parts);
      return parts;
    },
  };
}

async function checkModel(manifest: RunManifest, files: ModelFiles): Promise<void> {
  const { name, model } = manifest;
  const hash = await modelHash(files);
  if (hash === model.hash) return;
  throw new UserError(
    `Cannot join "${name}": the run was made for model "${model.name}" (${short(model.hash)}), ` +
      `"${files.label}" holds another (${short(hash)}); ${adviceFor(manifest)}`,
  );
}

async function checkTokenizer(
  manifest: RunManifest,
  files: ModelFiles,
  { tokenizer }: RunSetup,
): Promise<void> {
  const { name, model: { name: model, tokenizer: hash, chatTemplate } } = manifest;
  const check = (what: string, expected: string, got: string | undefined): void => {
    if (got === expected) return;
    const holds = got === undefined ? "has none" : `holds another (${short(got)})`;
    throw new UserError(
      `Cannot join "${name}": the run was made with the ${what} of "${model}" (${
        short(expected)
      }), "${files.label}" ${holds}; ${adviceFor(manifest)}`,
    );
  };
  check("tokenizer", hash, tokenizer.hash);
  if (chatTemplate === undefined) return;
  check("chat template", chatTemplate, await chatTemplateHash(tokenizer.files.config));
}

/** What to do about a model that is not the run's. */
function adviceFor({ model: { name, revision } }: RunManifest): string {
  const flag = name === builtInBaseName
    ? "leave out --model"
    : `use --model ${name}${revision === null ? "" : ` --revision ${revision}`}`;
  return `${flag}, or --model server`;
}

/** With the same model, only another version's idea of its modules can make a difference. */
function checkLayout({ name, layout }: RunManifest, { adapted }: RunSetup): void {
  const own = adapted.layout;
  if (isSameLayout(own, layout)) return;
  throw new UserError(
    `Cannot join "${name}": it adapts ${layout.modules.length} modules at rank ${layout.rank}, this version ` +
      `${own.modules.length} that are not the same; use the version that the run was made with`,
  );
}

function checkLabels(
  run: string,
  labels: readonly string[],
  file: string,
  rows: readonly Sample[],
): void {
  const known = new Set(labels);
  const stray = rows.find(({ label }) => !known.has(label));
  if (stray === undefined) return;
  throw new DataError(
    `Cannot use row "${stray.id}" of "${file}": expected one of the ${labels.length} labels of "${run}", ` +
      `got "${stray.label}"`,
  );
}

/** A text may have nothing to predict, and a conversation its replies beyond what is kept of it. */
function checkPredictions(
  { seqLen }: RunConfig,
  data: LabelledData,
  { train, validation }: TokenizedData,
): void {
  const trains = data.train.length > 0; // an evaluator does not
  if ((trains ? train : validation).length > 0) return;
  throw new DataError(
    `Cannot use "${data.name}": its rows have no token to predict within ${seqLen} tokens, the length of the run's rows`,
  );
}

/** Enough of a hash to tell two apart. */
function short(hash: string): string {
  return hash.slice(0, 16);
}
