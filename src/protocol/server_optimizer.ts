/**
 * The server's optimizer: what the aggregation rule combined, taken as a gradient step of the server's own (FedOpt; Reddi et al., ICLR 2021,
 * arXiv 2003.00295).
 *
 *     Δ = combined − server
 *     momentum:  m ← β1·m + Δ,                                     x ← x + η·m             (FedAvgM; Hsu et al., arXiv 1909.06335)
 *     adam:      m ← β1·m + (1 − β1)·Δ,  v ← β2·v + (1 − β2)·Δ²,   x ← x + η·m / (√v + τ)   (FedAdam, their algorithm 2)
 *
 * From m = 0 and v = τ², without bias correction. Only what was trained in the round takes the step: components with a reporter, and the head. All
 * else stays as the server has it, to the bit, whatever the rule made of it; so do its moments.
 *
 * @module
 */

import {
  type AggregationRule,
  aggregationRules,
  type Aggregator,
  type AggregatorName,
} from "./aggregate/mod.ts";
import type { AdapterBank, BankMoment, ModuleComponents, ServerMoments } from "./bank.ts";
import { UserError } from "./errors.ts";

/** The server optimizers there are, in the order users see them. */
export const serverOptimizerKinds = ["none", "momentum", "adam"] as const;

/** Under `none` the combined bank is the next one. */
export type ServerOptimizerKind = typeof serverOptimizerKinds[number];

/** A server optimizer with its settings. */
export interface ServerOptimizer {
  /** The formula. */
  readonly kind: Exclude<ServerOptimizerKind, "none">;
  /** η, above 0. Of the size of the clients' changes under `momentum`, of a weight's step under `adam`. */
  readonly learningRate: number;
  /** β1 in [0, 1). */
  readonly beta1: number;
  /** β2 in [0, 1); of `adam` alone. */
  readonly beta2: number;
  /** τ above 0; of `adam` alone. */
  readonly epsilon: number;
}

/** The same by the names of a run's settings. */
export interface ServerOptimizerSettings {
  /** The formula, or none. */
  readonly serverOptimizer: ServerOptimizerKind;
  /** η. */
  readonly serverLr: number;
  /** β1. */
  readonly serverBeta1: number;
  /** β2. */
  readonly serverBeta2: number;
  /** τ. */
  readonly serverEpsilon: number;
}

/** The optimizer that settings ask for; undefined for none. */
export function serverOptimizerOf(
  { serverOptimizer, serverLr, serverBeta1, serverBeta2, serverEpsilon }: ServerOptimizerSettings,
): ServerOptimizer | undefined {
  if (serverOptimizer === "none") return undefined;
  const betas = { beta1: serverBeta1, beta2: serverBeta2 };
  return { kind: serverOptimizer, learningRate: serverLr, ...betas, epsilon: serverEpsilon };
}

/** The settings that ask for an optimizer. */
export function serverOptimizerSettings(
  { kind, learningRate, beta1, beta2, epsilon }: ServerOptimizer,
): ServerOptimizerSettings {
  const betas = { serverBeta1: beta1, serverBeta2: beta2 };
  return { serverOptimizer: kind, serverLr: learningRate, ...betas, serverEpsilon: epsilon };
}

/** What a round's clients trained beside the head. */
export interface TrainedParts {
  /** Per module [r]: 1 where the component has a reporter. */
  readonly components: readonly Uint8Array[];
  /** Whether A moves, or B alone. */
  readonly a: boolean;
}

/**
 * Checks that a server optimizer goes with a rule.
 *
 * @throws {UserError} when components are others after each round, so that moments would be of what they no longer stand for.
 */
export function checkServerOptimizer(
  kind: ServerOptimizerKind,
  aggregation: AggregatorName,
): void {
  const { sortsAnew }: AggregationRule = aggregationRules[aggregation];
  if (kind === "none" || !sortsAnew) return;
  throw new UserError(
    `Cannot use server optimizer ${kind} with aggregation ${aggregation}: expected none, as a component is another one after each round`,
  );
}

/** An aggregator whose result is a step of the server's; without an optimizer the one that is given. */
export function withServerOptimizer(
  aggregator: Aggregator,
  optimizer: ServerOptimizer | undefined,
): Aggregator {
  if (optimizer === undefined) return aggregator;
  return (bank) => {
    const aggregation = aggregator(bank);
    const components = bank.modules.map(() => new Uint8Array(bank.rank));
    let a = false;
    return {
      add(update) {
        aggregation.add(update);
        update.indices.forEach((indices, m) => indices.forEach((i) => components[m][i] = 1));
        a ||= update.a !== undefined;
      },
      finish: () => stepServer(optimizer, bank, aggregation.finish(), { components, a }),
    };
  };
}

/**
 * The bank after the optimizer's step.
 *
 * @param bank the server's before the round; without moments before the first.
 * @param combined what the rule made of it and the round's updates.
 *
 * @example
 * ```ts
 * import { createBank } from "./bank.ts";
 * import { stepServer } from "./server_optimizer.ts";
 * const head = (value: number) => [{ name: "bias", shape: [1], data: Float32Array.of(value) }];
 * const bank = createBank({ modules: [], rank: 1, alpha: 1, seed: 1, head: head(1) });
 * const momentum = { kind: "momentum", learningRate: 0.5, beta1: 0.5, beta2: 0, epsilon: 1 } as const;
 * const trained = { components: [], a: true };
 * const one = stepServer(momentum, bank, { ...bank, head: head(3) }, trained); // m = 2
 * const two = stepServer(momentum, one, { ...one, head: head(3) }, trained); // m = 0.5·2 + 1
 * if (one.head[0].data[0] !== 2 || two.head[0].data[0] !== 3) throw new Error("unreachable");
 * ```
 */
export function stepServer(
  optimizer: ServerOptimizer,
  bank: AdapterBank,
  combined: AdapterBank,
  { components, a }: TrainedParts,
): AdapterBank {
  const moments = copyMoments(bank.moments ?? startMoments(optimizer, bank));
  const { first, second } = moments;
  const modules = bank.modules.map((module, m): ModuleComponents => {
    const next = combined.modules[m];
    const trained = (i: number) => components[m][i] === 1;
    const ofA = { m: first.modules[m].a, v: second?.modules[m].a };
    const ofB = { m: first.modules[m].b, v: second?.modules[m].b };
    const row = (at: number) => a && trained(Math.floor(at / module.inFeatures));
    const column = (at: number) => trained(at % bank.rank);
    return {
      ...next,
      a: stepTensor(optimizer, module.a, next.a, ofA, row),
      b: stepTensor(optimizer, module.b, next.b, ofB, column),
    };
  });
  const head = bank.head.map((tensor, h) => {
    const ofHead = { m: first.head[h], v: second?.head[h] };
    const data = stepTensor(optimizer, tensor.data, combined.head[h].data, ofHead, () => true);
    return { ...combined.head[h], data };
  });
  return { ...combined, modules, head, moments };
}

/** The next numbers of a tensor. The moments of those that move are overwritten. */
function stepTensor(
  { kind, learningRate, beta1, beta2, epsilon }: ServerOptimizer,
  server: Float32Array,
  combined: Float32Array,
  { m, v }: { readonly m: Float32Array; readonly v: Float32Array | undefined },
  moves: (at: number) => boolean,
): Float32Array {
  return server.map((value, at) => {
    if (!moves(at)) return value;
    const change = combined[at] - value;
    if (kind === "momentum" || v === undefined) {
      m[at] = beta1 * m[at] + change;
      return value + learningRate * m[at];
    }
    m[at] = beta1 * m[at] + (1 - beta1) * change;
    v[at] = beta2 * v[at] + (1 - beta2) * change * change;
    return value + learningRate * m[at] / (Math.sqrt(v[at]) + epsilon);
  });
}

function startMoments({ kind, epsilon }: ServerOptimizer, bank: AdapterBank): ServerMoments {
  const filled = (value: number): BankMoment => ({
    modules: bank.modules.map(({ a, b }) => ({
      a: new Float32Array(a.length).fill(value),
      b: new Float32Array(b.length).fill(value),
    })),
    head: bank.head.map(({ data }) => new Float32Array(data.length).fill(value)),
  });
  return { first: filled(0), ...(kind === "adam" && { second: filled(epsilon ** 2) }) };
}

function copyMoments({ first, second }: ServerMoments): ServerMoments {
  const copy = ({ modules, head }: BankMoment): BankMoment => ({
    modules: modules.map(({ a, b }) => ({ a: a.slice(), b: b.slice() })),
    head: head.map((data) => data.slice()),
  });
  return { first: copy(first), ...(second && { second: copy(second) }) };
}
