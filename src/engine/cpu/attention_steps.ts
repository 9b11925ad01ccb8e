/** The steps of attention over one head's matrices in a thread's working memory. @module */

import type { AttentionCall, AttentionSpan } from "./attention.ts";
import type { AttentionExports } from "./attention_kernel.ts";
import { COLUMN_TILE_ROWS, TILE_COLUMNS, TILE_ROWS } from "./attention_products.ts";
import { layOutWorkspace, roundUp, type Workspace } from "./attention_workspace.ts";

/** Queries in a row, and the keys they see. */
export interface Block {
  readonly first: number;
  readonly rows: number;
  /** Keys that one of the queries sees, and these padded to whole tiles. */
  readonly seen: number;
  readonly columns: number;
  /** Keys that the first query sees; under a causal mask every further one sees one more. */
  readonly visible: number;
}

/** See {@linkcode attentionSteps}. Addresses count bytes; matrices are those of the {@linkcode Workspace}. */
export interface AttentionSteps {
  readonly space: Workspace;
  /** Bytes from one token to the next in k and v, and in q and the context. */
  readonly keyRow: number;
  readonly queryRow: number;
  /** All blocks of a span, the last first: it sees all keys. */
  blocks(span: AttentionSpan): Block[];
  /** Rows of a tensor, which are `stride` apart there. */
  load(target: number, source: number, rows: number, stride: number): void;
  /** Rows to a tensor. */
  save(target: number, source: number, rows: number, stride: number): void;
  /** Keys or values of a head by rows, with zeros up to a whole tile. */
  loadKeys(target: number, source: number, keys: number): void;
  /** The same by columns. */
  turnKeys(target: number, source: number, keys: number): void;
  /** Rows of queries by columns. */
  turnQueries(target: number, source: number, rows: number): void;
  /** Which keys of a span the mask hides. */
  loadMask(entry: number, span: AttentionSpan): void;
  /** Scores [rows, columns] = left · right, the left side by columns and the right side, keys or values, too. */
  scores(target: number, left: number, right: number, block: Block): void;
  /** [rows, width] = scores · right. */
  mix(target: number, scores: number, right: number, block: Block): void;
  /** [seen, width] = scoresᵀ · right, or added to it. */
  mixBack(target: number, scores: number, right: number, block: Block, accumulate: boolean): void;
  clear(address: number, bytes: number): void;
}

/** The steps of a call, whose head matrices lie from `scratch` on. */
export function attentionSteps(
  code: AttentionExports,
  numbers: Float32Array,
  scratch: number,
  call: AttentionCall,
): AttentionSteps {
  const { tokens, heads, keyHeads, headSize, causal } = call;
  const space = layOutWorkspace(scratch, tokens, headSize);
  const { row, scoreRow, queryColumn, width } = space;
  const keyRow = 4 * keyHeads * headSize;
  const clear = (address: number, bytes: number): void => {
    numbers.fill(0, address / 4, (address + bytes) / 4);
  };
  const load: AttentionSteps["load"] = (target, source, rows, stride) =>
    code.copyRows(target, source, rows, 4 * headSize, row, stride);

  // Columns beyond the head size: nothing writes them again.
  if (width > headSize) clear(space.k, space.dk - space.k);

  return {
    space,
    keyRow,
    queryRow: 4 * heads * headSize,
    blocks({ queries, keys }) {
      const count = Math.ceil(queries / space.queries);
      return Array.from({ length: count }, (_, i) => {
        const first = (count - 1 - i) * space.queries;
        const rows = Math.min(space.queries, queries - first);
        const seen = causal ? Math.min(keys, first + rows) : keys;
        const columns = roundUp(seen, TILE_COLUMNS);
        return { first, rows, seen, columns, visible: causal ? first + 1 : columns };
      });
    },
    load,
    save: (target, source, rows, stride) =>
      code.copyRows(target, source, rows, 4 * headSize, stride, row),
    loadKeys(target, source, keys) {
      load(target, source, keys, keyRow);
      clear(target + keys * row, (roundUp(keys, TILE_COLUMNS) - keys) * row);
    },
    turnKeys(target, source, keys) {
      code.transpose(target, source, roundUp(keys, TILE_COLUMNS), width, scoreRow, row);
    },
    turnQueries(target, source, rows) {
      code.transpose(target, source, roundUp(rows, 4), width, queryColumn, row);
    },
    loadMask(entry, { first, keys }) {
      const bias = space.bias / 4, start = entry * tokens + first;
      for (let j = 0; j < keys; j++) {
        numbers[bias + j] = call.mask[start + j] === 0 ? -Infinity : 0;
      }
      numbers.fill(-Infinity, bias + keys, bias + roundUp(keys, TILE_COLUMNS));
    },
    scores(target, left, right, { rows, columns }) {
      code.multiplyColumns(
        left,
        4 * COLUMN_TILE_ROWS,
        queryColumn,
        right,
        scoreRow,
        target,
        scoreRow,
        roundUp(rows, COLUMN_TILE_ROWS),
        columns,
        width,
        0,
      );
    },
    mix(target, scores, right, { rows, columns }) {
      code.multiplyRows(
        scores,
        TILE_ROWS * scoreRow,
        scoreRow,
        right,
        row,
        target,
        row,
        roundUp(rows, TILE_ROWS),
        width,
        columns,
        0,
      );
    },
    mixBack(target, scores, right, { rows, seen }, accumulate) {
      code.multiplyColumns(
        scores,
        4 * COLUMN_TILE_ROWS,
        scoreRow,
        right,
        row,
        target,
        row,
        roundUp(seen, COLUMN_TILE_ROWS),
        width,
        rows,
        accumulate ? 1 : 0,
      );
    },
    clear,
  };
}
