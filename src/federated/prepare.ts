/** From settings, a model's files and a data set to a federation that is ready to run. @module */

import { partition, type PartitionScheme } from "../data/partition.ts";
import type { EncodeProgress, TokenCache } from "../data/token_cache.ts";
import type { LabelledData, ModelRow, Sample } from "../data/types.ts";
import type { Model } from "../models/mod.ts";
import { UserError } from "../protocol/errors.ts";
import { randomStream } from "../protocol/random.ts";
import { dealRanks } from "../protocol/ranks.ts";
import type { ClientFacts } from "../protocol/records.ts";
import type { ModelFiles } from "../weights/mod.ts";
import { countLabels } from "./count_labels.ts";
import { courseOf } from "./course.ts";
import type { FederatedClient, Federation } from "./federation.ts";
import type { RunConfig } from "./run_config.ts";
import { type RunSetup, setUpRun } from "./run_setup.ts";
import { serverSettings } from "./server_settings.ts";
import { type CreateTokenizer, tokenizeRows } from "./tokenize_rows.ts";

/** What a run is made from. */
export interface RunSources {
  /** Complete settings, as {@linkcode completeRunConfig} returns them. */
  readonly config: RunConfig;
  /** The base model: its config.json, tokenizer and weights. */
  readonly files: ModelFiles;
  /** Texts, of a classifier labelled; the training part is dealt to the clients. */
  readonly data: LabelledData;
  /** Makes the model's tokenizer. */
  readonly createTokenizer: CreateTokenizer;
  /** Keeps token ids between runs; without it every run tokenizes anew. */
  readonly cache?: TokenCache | undefined;
  /** Told how many texts are tokenized. */
  readonly onProgress?: EncodeProgress;
}

/** A federation, and what its report tells about it. */
export interface PreparedRun {
  /** What the rounds run on. */
  readonly federation: Federation;
  /** The base model's architecture, read from its config.json. */
  readonly model: Model;
  /** How many numbers the checkpoint holds. */
  readonly modelParameters: number;
  /** Rank, samples and label counts of each client, in order of their indices. */
  readonly clients: readonly ClientFacts[];
  /** Test rows of the data, evaluated or not. */
  readonly testRows: number;
}

/**
 * Reads the model, deals the data to the clients, tokenizes it.
 *
 * @throws UserError (of many kinds) naming what is missing or does not fit.
 */
export async function prepareFederation(sources: RunSources): Promise<PreparedRun> {
  const { config, files, data } = sources;
  const { labels } = data;
  const shares = dealSamples(config, data);
  const ranks = dealRanks(config.ranks, config.clients, config.rank);
  if (data.validation.length === 0) {
    throw new UserError(
      "Cannot evaluate the rounds: expected at least one validation row, got none",
    );
  }
  const setup = await setUpRun({ config, files, labels });
  const { model, modelParameters, tokenizer: _, reading: __, selection, ...common } = setup;
  const server = await serverSettings(config, selection);
  const { train, validation, test } = await tokenizeParts(sources, setup, shares);
  checkPredictions(config, train, validation);
  const clients = train.map((samples, client): FederatedClient => ({
    rank: ranks[client],
    samples,
  }));
  const { participation, dropouts, stragglers } = config;
  return {
    federation: {
      ...common,
      run: "simulation",
      server,
      course: courseOf(config.aggregation),
      attendance: { participation, dropouts, stragglers },
      clients,
      validation,
      test,
    },
    model,
    modelParameters,
    clients: clients.map(({ rank, samples }, client) => ({
      client: client + 1,
      rank,
      samples: samples.length,
      labelCounts: countLabels(samples, labels.length),
    })),
    testRows: data.test.length,
  };
}

/** The parts of the data that a run trains on, by client, and evaluates. */
async function tokenizeParts(
  { config, data, createTokenizer, cache, onProgress }: RunSources,
  setup: RunSetup,
  shares: readonly Uint32Array[],
): Promise<{ train: ModelRow[][]; validation: ModelRow[]; test: ModelRow[] }> {
  const { labels, train, validation } = data;
  const test = config.evalTest ? data.test : [];
  // In an order that no seed decides, so that one entry of the cache serves runs of every seed.
  const rows = [...train, ...validation, ...test]
    .sort((one, other) => one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
  const options = { setup, labels, createTokenizer, cache, onProgress };
  const tokenized = await tokenizeRows(rows, options);
  return {
    train: shares.map((share) => tokenized(Array.from(share, (index) => train[index]))),
    validation: tokenized(draw(validation, config.evalPosts)),
    test: tokenized(test),
  };
}

/** A text may have nothing to predict, and a conversation its replies beyond what is kept of it. */
function checkPredictions(
  { task, seqLen }: RunConfig,
  train: readonly (readonly ModelRow[])[],
  validation: readonly ModelRow[],
): void {
  if (task === "classify") return;
  const empty = train.findIndex((rows) => rows.length === 0);
  if (empty < 0 && validation.length > 0) return;
  const whose = empty < 0 ? "the validation rows" : `the rows of client ${empty + 1}`;
  throw new UserError(
    `Cannot train on these texts: ${whose} have no token to predict within ${seqLen} tokens (--seq-len)`,
  );
}

/** Some of the rows, drawn alike in every run, in their order: a file may be sorted by label, or go through the labels in turn. */
function draw<Row>(rows: readonly Row[], count: number): readonly Row[] {
  if (count >= rows.length) return rows;
  const places = randomStream(0, "validation").shuffle(Array.from(rows, (_, place) => place));
  return places.slice(0, count).sort((one, other) => one - other).map((place) => rows[place]);
}

/**
 * Each client's indices into the training rows, as the settings deal them; `deno task split` writes the same.
 *
 * @throws TooManyClientsError when there are fewer rows than clients.
 * @throws PartitionError when the partition's own setting cannot be carried out.
 */
export function dealSamples(config: RunConfig, data: LabelledData): Uint32Array[] {
  const places = new Map(data.labels.map((label, place) => [label, place]));
  // A text without a label is dealt by a partition that does not look at labels.
  const labels = data.train.map(({ label }) => places.get(label) ?? 0);
  return partition(labels, config.clients, schemeOf(config, data.train), config.seed);
}

function schemeOf(config: RunConfig, train: readonly Sample[]): PartitionScheme {
  switch (config.partition) {
    case "iid":
      return { kind: "iid" };
    case "dirichlet":
      return { kind: "dirichlet", alpha: config.dirichletAlpha };
    case "shards":
      return { kind: "shards", labelsPerClient: config.shardsPerClient };
    case "given":
      return { kind: "given", owners: train.map(ownerOf) };
    default:
      return config.partition satisfies never;
  }
}

function ownerOf({ id, client }: Sample): number {
  if (client !== undefined) return client;
  throw new UserError(
    `Cannot use --partition given: expected a whole number in column "client" of every training row, got none in row "${id}"`,
  );
}
