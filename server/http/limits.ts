/** A token bucket: `burst` at once, `perSecond` in the long run. */
export interface BucketLimits {
  readonly burst: number;
  readonly perSecond: number;
}

/** How fast a body must arrive. Only time spent waiting for the sender counts. */
export interface PaceLimits {
  /** Longest wait for the next bytes. */
  readonly idleMs: number;
  /** Waiting that is free, before the rate counts. */
  readonly graceMs: number;
  /** Slowest average rate after that. */
  readonly bytesPerSecond: number;
}

/** What a server grants its callers. */
export interface Limits {
  /** How far a signature's time may be from the server's. */
  readonly clockWindowSeconds: number;
  /** Most bytes of a JSON body. */
  readonly jsonBytes: number;
  /** Most bytes of a manifest: it names every adapted module. */
  readonly manifestBytes: number;
  /** Most bytes of a probe. */
  readonly probeBytes: number;
  /** Most bytes of a base model's file. */
  readonly modelFileBytes: number;
  /** Bodies that are received at a time. */
  readonly uploads: number;
  /** Of them, those of one client. */
  readonly uploadsPerClient: number;
  /** Longest wait for a body's turn to be received; after it the sender is asked to come again. */
  readonly uploadWaitMs: number;
  /** Probes that are received at a time; nothing of them is kept. */
  readonly probes: number;
  /** Of every body. */
  readonly pace: PaceLimits;
  /** Requests of a client, once its signature is checked. */
  readonly perClient: BucketLimits;
  /** Messages of a client that are refused, each a row in the database; with none left the client is sent away before it is heard. */
  readonly refusalsPerClient: BucketLimits;
  /** Requests from an address that nobody vouches for: open pages and those whose signature or token is wrong. */
  readonly perAddress: BucketLimits;
  /** Log lines about such requests, from all addresses together. */
  readonly refusalLines: BucketLimits;
  /** Requests whose signature or answer is worked on at a time: more would be no faster, and hold their memory. */
  readonly turns: number;
  /** Longest long poll. */
  readonly longPollSeconds: number;
  /** How often to look for other processes' changes, while somebody waits for one. */
  readonly watchMs: number;
  /** Shortest time between two events of a stream. */
  readonly eventMs: number;
  /** How often a stream looks at what changes without a revision: contacts and progress. */
  readonly softEventMs: number;
  /** How often an idle stream says that it is alive. */
  readonly heartbeatMs: number;
  /** How long a dashboard's session lasts. */
  readonly sessionMs: number;
}

const MiB = 2 ** 20;

/** Ample for a federation of a thousand clients. */
export const defaultLimits: Limits = {
  clockWindowSeconds: 300,
  jsonBytes: 64 * 1024,
  manifestBytes: 8 * MiB,
  probeBytes: MiB,
  modelFileBytes: 64 * 1024 * MiB,
  uploads: 64,
  uploadsPerClient: 2,
  uploadWaitMs: 10_000,
  probes: 1000,
  pace: { idleMs: 30_000, graceMs: 30_000, bytesPerSecond: 4096 },
  perClient: { burst: 200, perSecond: 50 },
  refusalsPerClient: { burst: 100, perSecond: 1 },
  perAddress: { burst: 1000, perSecond: 50 },
  refusalLines: { burst: 50, perSecond: 1 },
  turns: 16,
  longPollSeconds: 55,
  watchMs: 1000,
  eventMs: 500,
  softEventMs: 2000,
  heartbeatMs: 15_000,
  sessionMs: 12 * 3600 * 1000,
};
