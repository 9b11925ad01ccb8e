/**
 * What every function of the run service works with, and how it refuses.
 *
 * @module
 */

import type { AdapterBank } from "../../src/protocol/bank.ts";
import type { Deal } from "../../src/protocol/deal.ts";
import type { Progress, RejectReason } from "../../src/protocol/http/documents.ts";
import type { ProblemCode } from "../../src/protocol/http/problem.ts";
import type { Database } from "../store/database.ts";
import { createMutex, type Mutex } from "../store/mutex.ts";

/** What the host hands in. */
export interface ServiceHost {
  /** Everything that must last. */
  readonly db: Database;
  /** The time, in milliseconds since 1970. */
  now(): number;
  /** Told what happened, for logs and metrics; after the commit. */
  readonly log: (event: string, facts: Record<string, unknown>) => void;
  /** Told that a run's status changed, after the commit; wakes whoever waits in this process. */
  readonly changed: (run: string) => void;
}

/** The run service of one process. Any number of processes may serve one database. */
export interface Service extends ServiceHost {
  /** What this process remembers; all of it can be lost without harm. */
  readonly memory: ServiceMemory;
}

/** Soft state: caches of what follows from the database, and contacts not yet written. */
export interface ServiceMemory {
  /** The bank that each running run trains now. */
  readonly banks: Map<string, { readonly rounds: number; readonly bank: Promise<AdapterBank> }>;
  /** The deals of each running run's attempt, by client. */
  readonly deals: Map<
    string,
    { readonly attempt: string; readonly deals: Promise<ReadonlyMap<number, Deal>> }
  >;
  /** Contacts since the last flush, by run and client. */
  readonly contacts: Map<string, Contact>;
  /** Updates are decoded and checked one at a time, so that they take the memory of one. */
  readonly checking: Mutex;
  /** What this process is at: the rounds of a run by the run, and "sweep". */
  readonly works: Map<string, Work>;
  /** When this process last swept. */
  sweptAt: number;
}

/** Work in progress. */
export interface Work {
  /** Whether it was asked for meanwhile, so that it is done once more. */
  again: boolean;
  /** Settles when it is over. */
  done: Promise<void>;
}

/** The last sign of life of a client. */
export interface Contact {
  readonly run: string;
  readonly client: number;
  readonly time: number;
  /** How far its training is, where it said so. */
  readonly progress: Progress | undefined;
}

/** The signature of a client's request; its nonce is spent in the transaction of the effect. */
export interface Signed {
  /** See `keyIdOf`. */
  readonly keyId: string;
  /** Never seen before with this key. */
  readonly nonce: string;
}

/** A client's part in an attempt at a round. */
export interface RoundAddress {
  /** The round, counted from 0. */
  readonly round: number;
  /** The attempt, counted from 0. */
  readonly attempt: number;
  /** The client's index. */
  readonly client: number;
}

/** A refusal: what the caller did wrong. */
export class ServiceError extends Error {
  /** The class's name, for logs. */
  override name = "ServiceError";
  /** A refusal of one kind, with a line for the person who can mend it. */
  constructor(
    /** What went wrong, for programs. */
    readonly code: ProblemCode,
    message: string,
    /** Where it is a client's message that was refused. */
    readonly reason?: RejectReason,
    /** Further members of the problem document. */
    readonly extra?: Readonly<Record<string, unknown>>,
  ) {
    super(message);
  }
}

/** A service with nothing in its memory. */
export function createService(host: ServiceHost): Service {
  return {
    db: host.db,
    now: () => host.now(),
    log: host.log,
    changed: host.changed,
    memory: {
      banks: new Map(),
      deals: new Map(),
      contacts: new Map(),
      checking: createMutex(),
      works: new Map(),
      sweptAt: -Infinity,
    },
  };
}
