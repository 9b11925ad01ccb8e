/** Where the matrices of one head lie in a thread's working memory. @module */

import { COLUMN_TILE_ROWS, TILE_COLUMNS, TILE_ROWS } from "./attention_products.ts";

/**
 * Queries whose scores are in memory at once: enough to use a head's keys well while they are in the cache. Tiles of keys end where these do, so that under
 * a causal mask nothing is added to the gradient of a key which no query of the block sees.
 */
const BLOCK_QUERIES = 2 * COLUMN_TILE_ROWS * TILE_COLUMNS;

/** Addresses and strides count bytes. Matrices are padded to whole register tiles. */
export interface Workspace {
  /** Elements of a row of q, k and v: the head size, padded. */
  readonly width: number;
  /** From one row of q, k and v to the next; of scores and of keys or values by columns; and of queries by columns. */
  readonly row: number;
  readonly scoreRow: number;
  readonly queryColumn: number;
  /** Queries of a block. */
  readonly queries: number;
  /** [T]: 0 for a key in use, −∞ for another. */
  readonly bias: number;
  /** By query of a block: the highest score and the sum of the weights. */
  readonly highest: number;
  readonly sums: number;
  /** Keys and values, a row a token; and a column a token. */
  readonly k: number;
  readonly v: number;
  readonly kColumns: number;
  readonly vColumns: number;
  /** Gradients of keys and values, a row a token. */
  readonly dk: number;
  readonly dv: number;
  /** A block of queries, of the context's gradient, and of what is computed for each query, a row a query. */
  readonly q: number;
  readonly dcontext: number;
  readonly result: number;
  /** The first two, a column a query. */
  readonly qColumns: number;
  readonly dcontextColumns: number;
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
  const paddedTokens = roundUp(tokens, TILE_COLUMNS) + TILE_COLUMNS;
  const queries = Math.min(BLOCK_QUERIES, tokens);
  const paddedQueries = Math.max(roundUp(queries, TILE_ROWS), roundUp(queries, COLUMN_TILE_ROWS)) +
    4;
  const scoreRow = 4 * paddedTokens, queryColumn = 4 * paddedQueries;
  let end = start;
  const take = (bytes: number): number => {
    const address = end;
    end += roundUp(bytes, 64);
    return address;
  };
  const tokenRows = () => take(row * paddedTokens);
  const queryRows = () => take(row * paddedQueries);
  const scores = () => take(scoreRow * paddedQueries);
  const places = {
    bias: take(scoreRow),
    highest: take(4 * queries),
    sums: take(4 * queries),
    k: tokenRows(),
    v: tokenRows(),
    q: queryRows(),
    dcontext: queryRows(),
    dk: tokenRows(),
    dv: tokenRows(),
    kColumns: take(scoreRow * width),
    vColumns: take(scoreRow * width),
    qColumns: take(queryColumn * width),
    dcontextColumns: take(queryColumn * width),
    result: queryRows(),
    p: scores(),
    dp: scores(),
  };
  return { width, row, scoreRow, queryColumn, queries, ...places, bytes: end - start };
}
