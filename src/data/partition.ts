/**
 * Deals samples to the clients of a simulated federation.
 *
 * @module
 */

import { countOf } from "../protocol/count_of.ts";
import { type RandomStream, randomStream } from "../protocol/random.ts";
import { PartitionError, TooManyClientsError } from "./errors.ts";

/** The kinds of {@linkcode PartitionScheme}, in the order users see them. */
export const partitionKinds = ["iid", "dirichlet", "shards", "given"] as const;

/** A kind of partition without its own setting. */
export type PartitionKind = typeof partitionKinds[number];

/** Whether a partition looks at labels; the others deal texts that have none. */
export function dealsByLabel(kind: PartitionKind): boolean {
  return kind === "dirichlet" || kind === "shards";
}

/** How samples are dealt, with the setting of the kind: Dirichlet's alpha, labels a client, or each sample's client. */
export type PartitionScheme =
  /** Shuffled and cut into near-equal shares. */
  | { readonly kind: "iid" }
  /** Every label's samples divided by proportions drawn from a symmetric Dirichlet; small alpha: skewed. */
  | { readonly kind: "dirichlet"; readonly alpha: number }
  /** Every client holds samples of a few labels only. */
  | { readonly kind: "shards"; readonly labelsPerClient: number }
  /** The client of each sample, 0 to clients - 1. */
  | { readonly kind: "given"; readonly owners: ArrayLike<number> };

/** Dirichlet draws tried before empty clients are served from the largest one. */
const dirichletAttempts = 100;

/**
 * Deals samples to clients: every sample to exactly one client, every client at least one.
 *
 * The same arguments always give the same shares. A Dirichlet draw that leaves a client without samples is drawn
 * again, up to 100 times; after that, and for shards, each empty client receives one sample of the largest client
 * (which shards then count beyond their labels).
 *
 * Dirichlet shares follow Hsu, Qi and Brown, "Measuring the effects of non-identical data distribution for federated
 * visual classification" (2019), in the form that draws proportions over clients for every label.
 *
 * @param labels A label index per sample.
 * @returns Per client the indices of its samples, ascending.
 * @throws {TooManyClientsError} where there are fewer samples than clients.
 * @throws {PartitionError} where the scheme's own setting cannot be carried out.
 *
 * @example
 * ```ts
 * import { partition } from "./partition.ts";
 * const labels = [0, 0, 1, 1, 2, 2];
 * const shares = partition(labels, 3, { kind: "dirichlet", alpha: 0.5 }, 7);
 * if (shares.flatMap((share) => [...share]).length !== 6) throw new Error("unreachable");
 * ```
 */
export function partition(
  labels: ArrayLike<number>,
  clients: number,
  scheme: PartitionScheme,
  seed: number,
): Uint32Array[] {
  if (!Number.isInteger(clients) || clients < 1) {
    throw new PartitionError(`Cannot deal samples to ${clients} clients: expected at least 1`);
  }
  if (clients > labels.length) {
    throw new TooManyClientsError(
      `Cannot deal ${countOf(labels.length, "sample")} to ${
        countOf(clients, "client")
      }: expected at least one each`,
    );
  }
  return deal(labels, clients, scheme, seed).map((share) => Uint32Array.from(share).sort());
}

function deal(
  labels: ArrayLike<number>,
  clients: number,
  scheme: PartitionScheme,
  seed: number,
): number[][] {
  switch (scheme.kind) {
    case "iid": {
      const order = randomStream(seed, "partition", "iid").shuffle(indicesOf(labels));
      return cut(order, new Array<number>(clients).fill(1));
    }
    case "dirichlet":
      return dealDirichlet(labels, clients, scheme.alpha, seed);
    case "shards": {
      const stream = randomStream(seed, "partition", "shards");
      return fillEmpty(dealShards(labels, clients, scheme.labelsPerClient, stream));
    }
    case "given":
      return dealGiven(labels.length, clients, scheme.owners);
    default:
      return scheme satisfies never;
  }
}

function dealDirichlet(
  labels: ArrayLike<number>,
  clients: number,
  alpha: number,
  seed: number,
): number[][] {
  if (!(alpha > 0 && Number.isFinite(alpha))) {
    throw new PartitionError(
      `Cannot deal by Dirichlet(${alpha}): expected a finite alpha above 0`,
    );
  }
  let shares: number[][] = [];
  for (let attempt = 0; attempt < dirichletAttempts; attempt++) {
    const stream = randomStream(seed, "partition", "dirichlet", attempt);
    shares = Array.from({ length: clients }, () => []);
    for (const [, members] of byLabel(labels)) {
      const proportions = Array.from({ length: clients }, () => stream.gamma(alpha));
      // A tiny alpha underflows to zeros everywhere; its limit gives the whole label to one client.
      if (Math.max(...proportions) === 0) proportions[stream.integer(clients)] = 1;
      cut(stream.shuffle(members), proportions).forEach((part, k) => append(shares[k], part));
    }
    if (shares.every((share) => share.length > 0)) return shares;
  }
  return fillEmpty(shares);
}

function dealShards(
  labels: ArrayLike<number>,
  clients: number,
  labelsPerClient: number,
  stream: RandomStream,
): number[][] {
  const members = byLabel(labels);
  const known = [...members.keys()];
  const slots = clients * labelsPerClient;
  if (!Number.isInteger(labelsPerClient) || labelsPerClient < 1 || labelsPerClient > known.length) {
    throw new PartitionError(
      `Cannot deal shards of ${countOf(labelsPerClient, "label")}: expected 1 to ${known.length}`,
    );
  }
  if (slots < known.length) {
    throw new PartitionError(
      `Cannot deal ${countOf(known.length, "label")} to ${countOf(clients, "client")} of ${
        countOf(labelsPerClient, "label")
      }: ${known.length - slots} would be left over`,
    );
  }
  const holders = new Map<number, number[]>(known.map((label) => [label, []]));
  let deck: number[] = [];
  for (let client = 0; client < clients; client++) {
    const held = new Set<number>();
    while (held.size < labelsPerClient) {
      if (deck.every((label) => held.has(label))) deck = deck.concat(stream.shuffle(known));
      const [label] = deck.splice(deck.findIndex((candidate) => !held.has(candidate)), 1);
      held.add(label);
      holders.get(label)!.push(client);
    }
  }
  const shares: number[][] = Array.from({ length: clients }, () => []);
  for (const [label, group] of holders) {
    const parts = cut(stream.shuffle(members.get(label)!), group.map(() => 1));
    parts.forEach((part, i) => append(shares[group[i]], part));
  }
  return shares;
}

function dealGiven(samples: number, clients: number, owners: ArrayLike<number>): number[][] {
  if (owners.length !== samples) {
    throw new PartitionError(
      `Cannot deal as given: expected a client for each of ${
        countOf(samples, "sample")
      }, got ${owners.length}`,
    );
  }
  const shares: number[][] = Array.from({ length: clients }, () => []);
  for (let i = 0; i < samples; i++) {
    const share = shares[owners[i]];
    if (share === undefined) {
      throw new PartitionError(
        `Cannot deal sample ${i} to client ${owners[i]}: expected 0 to ${clients - 1}`,
      );
    }
    share.push(i);
  }
  const empty = shares.findIndex((share) => share.length === 0);
  if (empty >= 0) {
    throw new PartitionError(`Cannot deal as given: client ${empty} has no samples`);
  }
  return shares;
}

/** Cuts a list into consecutive parts whose ends lie at the rounded cumulative proportions. */
function cut(items: readonly number[], proportions: readonly number[]): number[][] {
  const total = proportions.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  let start = 0;
  return proportions.map((value, part) => {
    sum += value;
    const last = part === proportions.length - 1;
    const end = last ? items.length : Math.round(items.length * (sum / total));
    const slice = items.slice(start, end);
    start = end;
    return slice;
  });
}

/** Moves one sample of the then largest client (the first of equals) to each client without any. */
function fillEmpty(shares: number[][]): number[][] {
  for (const share of shares) {
    if (share.length > 0) continue;
    const largest = shares.reduce((best, next) => next.length > best.length ? next : best);
    share.push(largest.pop()!);
  }
  return shares;
}

/** Sample indices by label, labels ascending. */
function byLabel(labels: ArrayLike<number>): Map<number, number[]> {
  const groups = new Map<number, number[]>(
    [...new Set(Array.from(labels))].sort((a, b) => a - b).map((label) => [label, []]),
  );
  for (let i = 0; i < labels.length; i++) groups.get(labels[i])!.push(i);
  return groups;
}

function indicesOf(items: ArrayLike<unknown>): number[] {
  return Array.from(items, (_, i) => i);
}

function append(target: number[], items: readonly number[]): void {
  for (const item of items) target.push(item);
}
