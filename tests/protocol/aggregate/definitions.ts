/** What each aggregation rule is, on dense matrices in double precision. */

import type { AggregatorName } from "../../../src/protocol/aggregate/mod.ts";
import type { AdapterBank } from "../../../src/protocol/bank.ts";
import type { ClientUpdate } from "../../../src/protocol/update.ts";
import { bestRank, type Dense } from "../../reference/best_rank.ts";

/** One client's part of a module: its factors padded with zeros to the server's rank. */
export interface Part {
  /** n_k. */
  readonly samples: number;
  /** [r]: whether it trained the component. */
  readonly owned: readonly boolean[];
  /** A_k [r, inFeatures]. */
  readonly a: Dense;
  /** B_kᵀ [r, outFeatures]. */
  readonly b: Dense;
}

/** A and Bᵀ of a module. */
export interface Factors {
  readonly a: Dense;
  readonly b: Dense;
}

/** Either the factors after a round, or, where a rule leaves their form open, their product BA [outFeatures, inFeatures]. */
export type Definition =
  | { readonly factors: (server: Factors, parts: readonly Part[]) => Factors }
  | { readonly product: (server: Factors, parts: readonly Part[]) => Dense };

/** The rules whose result is the components of a bank. The others have tests of their own. */
export type BankRule = Exclude<AggregatorName, "flora" | "local">;

/** The definitions by the rules' names. */
export const definitions: Readonly<Record<BankRule, Definition>> = {
  "adaptive": {
    factors: perComponent((server, rows) => {
      const owners = rows.filter(({ owned }) => owned);
      return owners.length === 0 ? server : mean(owners.map(({ row, samples }) => [samples, row]));
    }),
  },
  "zero-pad": { factors: perComponent((_, rows) => mean(rows.map(weighted))) },
  "zero-delta": {
    factors: perComponent((server, rows) =>
      mean(rows.map(({ row, owned, samples }) => [samples, owned ? row : server]))
    ),
  },
  "fedit": { factors: perComponent((_, rows) => mean(rows.map(weighted))) },
  "hetlora": {
    factors(server, parts) {
      const heavy = parts.map((part) => ({ ...part, samples: norm(product(part)) }));
      if (heavy.every(({ samples }) => samples === 0)) return server;
      return perComponent((_, rows) => mean(rows.map(weighted)))(server, heavy);
    },
  },
  "flexlora": {
    product(server, parts) {
      if (!parts.some(({ owned }) => owned.includes(true))) return product(server);
      return bestRank(meanProduct(parts), server.a.length).matrix;
    },
  },
};

/** Σ_k p_k B_k A_k, [outFeatures, inFeatures]. */
export function meanProduct(parts: readonly Part[]): Dense {
  const all = parts.reduce((sum, { samples }) => sum + samples, 0);
  const shares = parts.map((part) => ({ share: part.samples / all, dense: product(part) }));
  return shares[0].dense.map((row, j) =>
    row.map((_, k) => shares.reduce((total, { share, dense }) => total + share * dense[j][k], 0))
  );
}

/** The parts of module m. */
export function partsOf(bank: AdapterBank, updates: readonly ClientUpdate[], m: number): Part[] {
  const { inFeatures, outFeatures } = bank.modules[m];
  return updates.map(({ samples, indices, a, b }) => {
    const list = [...indices[m]];
    const padded = (width: number, entry: (n: number, j: number) => number) =>
      Array.from({ length: bank.rank }, (_, i) => {
        const n = list.indexOf(i);
        return Array.from({ length: width }, (_, j) => n < 0 ? 0 : entry(n, j));
      });
    return {
      samples,
      owned: Array.from({ length: bank.rank }, (_, i) => list.includes(i)),
      a: padded(inFeatures, (n, j) => a![m][n * inFeatures + j]),
      b: padded(outFeatures, (n, j) => b[m][j * list.length + n]),
    };
  });
}

/** The factors of module m. */
export function factorsOf({ rank, modules }: AdapterBank, m: number): Factors {
  const { inFeatures, outFeatures, a, b } = modules[m];
  return {
    a: Array.from(
      { length: rank },
      (_, i) => [...a.subarray(i * inFeatures, (i + 1) * inFeatures)],
    ),
    b: Array.from(
      { length: rank },
      (_, i) => Array.from({ length: outFeatures }, (_, j) => b[j * rank + i]),
    ),
  };
}

/** BA [outFeatures, inFeatures]. */
export function product({ a, b }: Factors): Dense {
  return b[0].map((_, j) =>
    a[0].map((_, k) => a.reduce((sum, row, i) => sum + b[i][j] * row[k], 0))
  );
}

/** Its Frobenius norm. */
export function norm(matrix: Dense): number {
  return Math.hypot(...matrix.flat());
}

interface OwnedRow {
  readonly row: readonly number[];
  readonly owned: boolean;
  readonly samples: number;
}

/** A rule that treats each row i of A and of Bᵀ alike. */
function perComponent(
  rule: (server: readonly number[], rows: readonly OwnedRow[]) => readonly number[],
) {
  return (server: Factors, parts: readonly Part[]): Factors => {
    const next = (factor: "a" | "b") =>
      server[factor].map((row, i) =>
        rule(
          row,
          parts.map((part) => ({
            row: part[factor][i],
            owned: part.owned[i],
            samples: part.samples,
          })),
        )
      );
    return { a: next("a"), b: next("b") };
  };
}

function weighted({ row, samples }: OwnedRow): readonly [number, readonly number[]] {
  return [samples, row];
}

function mean(rows: readonly (readonly [number, readonly number[]])[]): number[] {
  const all = rows.reduce((sum, [weight]) => sum + weight, 0);
  return rows[0][1].map((_, j) =>
    rows.reduce((sum, [weight, row]) => sum + weight / all * row[j], 0)
  );
}
