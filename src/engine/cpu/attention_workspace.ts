/** Where the matrices of one head lie in a thread's working memory. @module */

import { TILE_COLUMNS, TILE_ROWS } from "./attention_products.ts";

/** Queries whose scores are in memory at once: enough to use a head's keys well while they are in the cache. */
const BLOCK_ROWS = 8 * TILE_ROWS;
/** A multiple of both sides of a register tile. */
const TOKEN_UNIT = 24;

/** Addresses and strides count bytes. Matrices are padded to whole register tiles. */
export interface Workspace {
  /** Elements of a row of q, k and v: the head size, padded. */
  readonly width: number;
  /** From one row of q, k and v to the next. */
  readonly row: number;
  /** From one row of scores to the next. */
  readonly scoreRow: number;
  /** Queries of a block. */
  readonly queries: number;
  /** The number 1, then the scale. */
  readonly factors: number;
  /** [T]: 0 for a key in use, −∞ for another. */
  readonly bias: number;
  /** By query of a block: the highest score and the sum of the weights. */
  readonly highest: number;
  readonly sums: number;
  /** Keys and values, a row a token; then by panels of {@linkcode TILE_COLUMNS} tokens. */
  readonly k: number;
  readonly v: number;
  readonly kPanels: number;
  readonly vPanels: number;
  /** Gradients of keys and values, a row a token. */
  readonly dk: number;
  readonly dv: number;
  /** A block of scaled queries, of the context's gradient, and of what is computed for each query. */
  readonly q: number;
  readonly dcontext: number;
  readonly result: number;
  /** A block of probabilities and of their gradient, a row a query. */
  readonly p: number;
  readonly dp: number;
  /** Bytes of all. */
  readonly bytes: number;
}

/** The least multiple of `unit` that is no less than `count`. */
export function roundUp(count: number, unit: number): number {
  return Math.ceil(count / unit) * unit;
}

/** Lays a workspace out from `start` on, a multiple of 64. */
export function layOutWorkspace(start: number, tokens: number, headSize: number): Workspace {
  const width = roundUp(headSize, TILE_COLUMNS);
  const row = 4 * width;
  const scoreRow = 4 * roundUp(tokens, TOKEN_UNIT);
  const queries = Math.min(BLOCK_ROWS, roundUp(tokens, TILE_ROWS));
  let end = start;
  const take = (bytes: number): number => {
    const address = end;
    end += roundUp(bytes, 64);
    return address;
  };
  const tokenRows = () => take(row * roundUp(tokens, TOKEN_UNIT));
  const queryRows = () => take(row * queries);
  const scores = () => take(scoreRow * queries);
  const places = {
    factors: take(8),
    bias: take(scoreRow),
    highest: take(4 * queries),
    sums: take(4 * queries),
    k: tokenRows(),
    v: tokenRows(),
    kPanels: tokenRows(),
    vPanels: tokenRows(),
    dk: tokenRows(),
    dv: tokenRows(),
    q: queryRows(),
    dcontext: queryRows(),
    result: queryRows(),
    p: scores(),
    dp: scores(),
  };
  return { width, row, scoreRow, queries, ...places, bytes: end - start };
}
