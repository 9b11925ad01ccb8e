/** A token bucket: `burst` at once, `perSecond` in the long run. */
export interface BucketLimits {
  readonly burst: number;
  readonly perSecond: number;
}

/** How many bodies are on their way at a time. */
export interface SlotLimits {
  readonly most: number;
  /** Of them, those of one client, or of one address that nobody vouches for. */
  readonly perOwner: number;
  /** Longest wait for a body's turn; after it the sender is asked to come again. */
  readonly waitMs: number;
}

/** How fast a body must move. Only time spent waiting for the other side counts. */
export interface PaceLimits {
  /** Longest wait for the next bytes, or until the next are taken. */
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
  /** Bodies that are received. */
  readonly uploads: SlotLimits;
  /** Probes that are received; nothing of them is kept. */
  readonly probes: SlotLimits;
  /** Downloads of a round that are sent, each with a tensor at a time in memory. */
  readonly downloads: SlotLimits;
  /** Banks and files of base models that are sent, each with a chunk at a time in memory; those may take hours and must not hold up a round. */
  readonly files: SlotLimits;
  /** Parts of pages that are sent to anybody; a browser asks for all of a page at once, and those behind a proxy share its address. */
  readonly pages: SlotLimits;
  /** Of every body that is received. */
  readonly receivePace: PaceLimits;
  /** Of every body that is sent in pieces. The system takes up to 4 MB ahead of a reader, and a third of them must be gone before it takes more. */
  readonly sendPace: PaceLimits;
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
  uploads: { most: 64, perOwner: 2, waitMs: 10_000 },
  probes: { most: 1000, perOwner: 2, waitMs: 0 },
  downloads: { most: 128, perOwner: 2, waitMs: 10_000 },
  files: { most: 128, perOwner: 2, waitMs: 10_000 },
  pages: { most: 256, perOwner: 128, waitMs: 10_000 },
  receivePace: { idleMs: 30_000, graceMs: 30_000, bytesPerSecond: 4096 },
  sendPace: { idleMs: 120_000, graceMs: 120_000, bytesPerSecond: 4096 },
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
