/**
 * What an app is made of: what it is handed, and what it builds from that.
 *
 * @module
 */

import type { MiddlewareHandler } from "hono";
import type { Service } from "../runs/mod.ts";
import type { HttpEnv } from "./caller.ts";
import type { Clock } from "./clock.ts";
import type { Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { createNonceMemory, type NonceMemory } from "./nonce_memory.ts";
import type { RunWatch } from "./run_watch.ts";
import { createSlots, type Slots } from "./slots.ts";
import { createStatusFeeds, type StatusFeeds } from "./status_feed.ts";
import { createTokenBuckets, type TokenBuckets } from "./token_buckets.ts";
import { createTurns, type Turns } from "./turns.ts";
import { createVerificationKeys, type VerificationKeys } from "./verification_keys.ts";

/** A file of the dashboard. */
export interface Asset {
  /** Its media type. */
  readonly type: string;
  readonly body: string;
}

/** What the host of an app hands in. */
export interface AppDeps {
  readonly service: Service;
  /** Who waits for changes; its `wake` is the service's `changed`. */
  readonly watch: RunWatch;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  readonly metrics: Metrics;
  /** See {@linkcode hashToken}. */
  readonly adminTokenHash: Uint8Array;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A new name for a request. */
  readonly newRequestId: () => string;
  /** Asks for {@linkcode beginDue} at once: a round may be complete. */
  readonly tickSoon: () => void;
  /** Aborted when the server is about to end: nobody is made to wait any more. */
  readonly draining: AbortSignal;
  /** Whether callers reach the app by TLS alone. */
  readonly secure: boolean;
  /** The dashboard's files by path. */
  readonly assets: ReadonlyMap<string, Asset>;
}

/** What the routes work with. */
export interface AppParts extends AppDeps {
  readonly keys: VerificationKeys;
  readonly nonces: NonceMemory;
  readonly turns: Turns;
  readonly slots: {
    readonly uploads: Slots;
    readonly probes: Slots;
    readonly downloads: Slots;
    readonly files: Slots;
    readonly pages: Slots;
  };
  readonly feeds: StatusFeeds;
  readonly buckets: {
    /** Requests of clients, by key. */
    readonly clients: TokenBuckets;
    /** Refused messages of clients, by key. */
    readonly refusals: TokenBuckets;
    /** Requests nobody vouches for, by address. */
    readonly addresses: TokenBuckets;
    /** Log lines about those. */
    readonly lines: TokenBuckets;
  };
}

/** Makes hono middleware that a request must pass. */
export type Guard = (parts: AppParts) => MiddlewareHandler<HttpEnv>;

/** Builds the parts. */
export function createParts(deps: AppDeps): AppParts {
  const { clock, limits, random } = deps;
  return {
    ...deps,
    keys: createVerificationKeys(),
    // A signature made by a clock that is a window ahead is valid for two.
    nonces: createNonceMemory(2000 * limits.clockWindowSeconds, clock.now),
    turns: createTurns(limits.turns),
    slots: {
      uploads: createSlots("uploads", limits.uploads, clock, random),
      probes: createSlots("probes", limits.probes, clock, random),
      downloads: createSlots("downloads", limits.downloads, clock, random),
      files: createSlots("files", limits.files, clock, random),
      pages: createSlots("pages", limits.pages, clock, random),
    },
    feeds: createStatusFeeds(deps),
    buckets: {
      clients: createTokenBuckets(limits.perClient, clock),
      refusals: createTokenBuckets(limits.refusalsPerClient, clock),
      addresses: createTokenBuckets(limits.perAddress, clock),
      lines: createTokenBuckets(limits.refusalLines, clock),
    },
  };
}
