/**
 * What a manifest must be before a run is made of it.
 *
 * @module
 */

import { z } from "zod";

import { aggregatorNames } from "../../src/protocol/aggregate/mod.ts";
import type { AdapterLayout } from "../../src/protocol/bank.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { firstRepeated } from "../../src/protocol/first_repeated.ts";
import { sha256Form } from "../../src/protocol/hash.ts";
import { layoutCells, MAX_CELLS, MAX_RANK } from "../../src/protocol/layout_size.ts";
import { manifestKinds, type RunManifest } from "../../src/protocol/manifest.ts";
import { taskFault } from "../../src/protocol/manifest_task.ts";
import {
  checkMethod,
  distributions,
  factorChoices,
  isServable,
  rankingParties,
  scopes,
} from "../../src/protocol/method.ts";
import { RankError } from "../../src/protocol/ranks.ts";
import { selectorNames } from "../../src/protocol/selection.ts";
import { checkServerOptimizer, serverOptimizerKinds } from "../../src/protocol/server_optimizer.ts";
import { languageTasks } from "../../src/protocol/task.ts";
import { indicesName, loraAName, loraBName, scoresName } from "../../src/protocol/tensor_names.ts";
import { ServiceError } from "./service.ts";

/** Changes this large are no training, and sums of them would not fit into float32. */
const MAX_NORM = 1e30;

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => z.int().min(least).max(most);
// deno-lint-ignore no-control-regex
const line = (most: number) => z.string().min(1).max(most).regex(/^[^\u0000-\u001f\u007f]*$/);
const hash = z.string().regex(sha256Form);
const rank = whole(1, MAX_RANK);
const decay = z.number().min(0).lt(1);

/** The form of a manifest; {@linkcode checkManifest} checks what its parts say of each other. */
export const manifestSchema = z.strictObject({
  kind: z.enum(manifestKinds),
  task: z.enum(languageTasks).exactOptional(),
  name: line(200),
  model: z.strictObject({
    name: line(500),
    revision: line(200).nullable(),
    hash,
    tokenizer: hash,
    chatTemplate: hash.exactOptional(),
  }),
  labels: z.array(line(200)).max(10_000),
  layout: z.strictObject({
    rank,
    modules: z.array(
      z.strictObject({ name: line(500), inFeatures: whole(1), outFeatures: whole(1) }),
    ).min(1).max(10_000),
    head: z.array(z.strictObject({ name: line(500), shape: z.array(whole(1)).max(8) })).max(100),
  }),
  alpha: z.number().positive(),
  rounds: whole(1, 1_000_000),
  seed: whole(0),
  method: z.strictObject({
    method: z.enum(distributions),
    factors: z.enum(factorChoices),
    aggregation: z.enum(aggregatorNames),
    selection: z.enum(selectorNames),
    temperature: z.number().nonnegative(),
    rankBy: z.enum(rankingParties),
    scope: z.enum(scopes),
    warmupRounds: whole(0),
    serverOptimizer: z.strictObject({
      kind: z.enum(serverOptimizerKinds).exclude(["none"]),
      learningRate: z.number().positive(),
      beta1: decay,
      beta2: decay,
      epsilon: z.number().positive(),
    }).exactOptional(),
  }),
  ranks: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("fixed"), ranks: z.array(rank) }),
    z.strictObject({ kind: z.literal("stated") }),
    z.strictObject({ kind: z.literal("auto"), tiers: z.array(rank).min(1) }),
  ]),
  participation: z.strictObject({
    seats: whole(1, 100_000),
    start: whole(1),
    perRound: whole(1),
    overSelection: z.number().min(1).max(100),
    quorum: whole(1),
    // A shorter one passes while its attempt is opened.
    deadlineSeconds: z.number().min(1).max(30 * 86_400),
  }),
  limits: z.strictObject({
    maxSamples: whole(1),
    maxNorm: z.number().positive().max(MAX_NORM),
  }),
  training: z.looseObject({ localSteps: whole(1) }),
});

/** @returns what came as a manifest, checked. @throws {ServiceError} malformed, naming the first fault. */
export function checkManifest(value: unknown): RunManifest {
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0];
    throw fault(path.join(".") || "the manifest", message.toLowerCase());
  }
  const manifest: RunManifest = parsed.data;
  checkTask(manifest);
  checkNames(manifest);
  checkSize(manifest.layout);
  checkParticipation(manifest);
  checkRanks(manifest);
  return manifest;
}

function checkTask(manifest: RunManifest): void {
  const wrong = taskFault(manifest);
  if (wrong) throw fault(wrong.path, `expected ${wrong.expected}, got ${wrong.got}`);
}

function checkNames({ labels, layout }: RunManifest): void {
  const tensors = [
    "__metadata__",
    ...layout.head.map(({ name }) => name),
    ...layout.modules.flatMap(({ name }) =>
      [loraAName, loraBName, indicesName, scoresName].map((tensor) => tensor(name))
    ),
  ];
  const label = firstRepeated(labels);
  if (label !== undefined) throw fault("labels", `expected each once, got "${label}" twice`);
  const tensor = firstRepeated(tensors);
  if (tensor !== undefined) throw fault("layout", `expected unique names, got "${tensor}" twice`);
}

function checkSize(layout: AdapterLayout): void {
  const cells = layoutCells(layout);
  if (cells > MAX_CELLS) {
    throw fault("layout", `expected at most ${MAX_CELLS} numbers in all, got ${cells}`);
  }
}

function checkParticipation({ participation }: RunManifest): void {
  const { seats, start, perRound, quorum } = participation;
  const atMost = (key: string, value: number, most: number, what: string) => {
    if (value <= most) return;
    throw fault(`participation.${key}`, `expected at most ${most}, ${what}, got ${value}`);
  };
  atMost("perRound", perRound, seats, "the seats");
  atMost("quorum", quorum, perRound, "the updates a round aims for");
  atMost("start", start, seats, "the seats");
  if (start < quorum) {
    throw fault("participation.start", `expected at least ${quorum}, the quorum, got ${start}`);
  }
}

function checkRanks({ ranks, layout, method, participation }: RunManifest): void {
  const given = ranks.kind === "fixed" ? ranks.ranks : ranks.kind === "auto" ? ranks.tiers : [];
  const high = given.find((rank) => rank > layout.rank);
  if (high !== undefined) {
    throw fault("ranks", `expected at most the server's rank ${layout.rank}, got ${high}`);
  }
  if (ranks.kind === "fixed" && given.length !== participation.seats) {
    throw fault(
      "ranks",
      `expected one for each of ${participation.seats} seats, got ${given.length}`,
    );
  }
  if (ranks.kind === "auto" && given.some((rank, at) => at > 0 && rank <= given[at - 1])) {
    throw fault("ranks.tiers", `expected ascending ranks, got ${given.join(", ")}`);
  }
  if (!isServable(method.aggregation)) {
    throw fault("method", `only a simulation can aggregate by ${method.aggregation}`);
  }
  try {
    checkMethod(method, given, layout.rank);
    checkServerOptimizer(method.serverOptimizer?.kind ?? "none", method.aggregation);
  } catch (error) {
    if (error instanceof RankError) throw fault("ranks", error.message);
    if (error instanceof UserError) throw fault("method", error.message);
    throw error;
  }
}

function fault(part: string, problem: string): ServiceError {
  return new ServiceError("malformed", `Cannot use the manifest: ${part}: ${problem}`);
}
