/**
 * The manifest of a run: everything its server and its clients agree on before a number is trained. It is made beside the model, uploaded with
 * the initial bank, and never changes.
 *
 * @module
 */

import type { AggregatorName } from "./aggregate/mod.ts";
import type { AdapterLayout } from "./bank.ts";
import type { Distribution, Factors, RankBy, Scope } from "./method.ts";
import type { SelectorName } from "./selection.ts";
import type { ServerOptimizer } from "./server_optimizer.ts";
import type { LanguageTask } from "./task.ts";

/** The format of a classifier's manifest. */
export const manifestKind = "hafl-manifest-1";

/** The format of a language model's. */
export const languageManifestKind = "hafl-manifest-2";

/** The formats this version writes and reads. */
export const manifestKinds = [manifestKind, languageManifestKind] as const;

/** One of them. */
export type ManifestKind = typeof manifestKinds[number];

/** What manifests call the model that ships, which every party has. */
export const builtInBaseName = "built-in base";

/** The base model, by what makes it the same on every machine. */
export interface ModelIdentity {
  /** Hub id or folder name, for people; {@linkcode builtInBaseName} for the one that ships. */
  readonly name: string;
  /** Branch, tag or commit of a hub model. */
  readonly revision: string | null;
  /** Fingerprint of config and weights, 64 hexadecimal digits. */
  readonly hash: string;
  /** SHA-256 of the tokenizer's files, 64 hexadecimal digits. */
  readonly tokenizer: string;
  /** SHA-256 of the chat template as JSON, 64 hexadecimal digits; of a run that learns from conversations alone. */
  readonly chatTemplate?: string;
}

/** What the server needs of the method; the same names as the settings of a simulated run. */
export interface ServerMethod {
  /** What a client receives and trains. */
  readonly method: Distribution;
  /** Which factors of its components it trains and sends. */
  readonly factors: Factors;
  /** How updates are combined. */
  readonly aggregation: AggregatorName;
  /** How components are picked by score. */
  readonly selection: SelectorName;
  /** Flatness of the `sampled` selection. */
  readonly temperature: number;
  /** Who ranks the components. */
  readonly rankBy: RankBy;
  /** Where components compete. */
  readonly scope: Scope;
  /** First rounds, in which components are dealt round-robin. */
  readonly warmupRounds: number;
  /** What makes a step of a round's combined change; absent where that is taken as it is. */
  readonly serverOptimizer?: ServerOptimizer;
}

/** How a client's rank r_k is settled when it joins. */
export type RanksPolicy =
  /** By the run: a rank for each seat. */
  | { readonly kind: "fixed"; readonly ranks: readonly number[] }
  /** By the client: it states one from 1 to r. */
  | { readonly kind: "stated" }
  /** By the server: the largest of these tiers with which the client meets the deadline; ascending. A client may still state one of them. */
  | { readonly kind: "auto"; readonly tiers: readonly number[] };

/** Who takes part in a round and how long it may take. */
export interface Participation {
  /** Clients that can join, each with an index from 0; at least 1. */
  readonly seats: number;
  /** Clients that must be ready before the first round opens; at least `quorum`. */
  readonly start: number;
  /** Updates a round aims for; the round closes when it has them. */
  readonly perRound: number;
  /** ceil(perRound × overSelection) clients are sampled, so that some may vanish; at least 1. */
  readonly overSelection: number;
  /** Updates without which a round past its deadline is retried with a new sample; 1 to perRound. */
  readonly quorum: number;
  /** Seconds from a round's opening to its deadline, at least 1. */
  readonly deadlineSeconds: number;
}

/** Bounds that an update must keep. */
export interface UpdateLimits {
  /** Largest n_k. */
  readonly maxSamples: number;
  /** Largest L2 norm of all changes a client may upload, A, B and head together. */
  readonly maxNorm: number;
}

/** A run as its server and clients know it. */
export interface RunManifest {
  /** The format. */
  readonly kind: ManifestKind;
  /** What a language model is trained for; absent of a classifier. */
  readonly task?: LanguageTask;
  /** The run's name, for people. */
  readonly name: string;
  /** The base model. */
  readonly model: ModelIdentity;
  /** The label set; a label's place is its class index. Empty of a language model. */
  readonly labels: readonly string[];
  /** Rank, adapted modules and head. */
  readonly layout: AdapterLayout;
  /** LoRA's α. */
  readonly alpha: number;
  /** Rounds of training and aggregation. */
  readonly rounds: number;
  /** Seed of every random draw. */
  readonly seed: number;
  /** The server's side of the method. */
  readonly method: ServerMethod;
  /** How ranks are settled. */
  readonly ranks: RanksPolicy;
  /** Who takes part. */
  readonly participation: Participation;
  /** What an update may be. */
  readonly limits: UpdateLimits;
  /**
   * The other settings of local training by the names of a simulated run's (`lr`, `localSteps`, `buckets`, …). The server stores them and looks at
   * none but `localSteps`; clients check them as they check a configuration file.
   */
  readonly training: Readonly<Record<string, unknown>> & { readonly localSteps: number };
}

/** How many clients a round samples: ceil(perRound × overSelection), at most those that are ready. */
export function sampleSize(
  { perRound, overSelection }: Pick<Participation, "perRound" | "overSelection">,
  ready: number,
): number {
  // 100 × 1.1 is a little above 110 in binary.
  return Math.min(ready, Math.ceil(perRound * overSelection - 1e-9));
}
