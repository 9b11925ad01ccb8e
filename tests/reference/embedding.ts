import { type Numbers, requireLength } from "./numbers.ts";

/** Vocabulary and width of an embedding table. */
export interface EmbeddingShape {
  readonly V: number;
  readonly C: number;
}

/**
 * Rows of a table: table [V, C], ids [N] → [N, C].
 *
 * @throws {RangeError} When an id is not a row of the table.
 */
export function embedding(table: Numbers, ids: Numbers, { V, C }: EmbeddingShape): Float64Array {
  requireLength("table", table, V * C);
  const y = new Float64Array(ids.length * C);
  for (let n = 0; n < ids.length; n++) {
    const row = rowOf(ids[n], V);
    for (let c = 0; c < C; c++) y[n * C + c] = table[row * C + c];
  }
  return y;
}

/** Sums dY [N, C] into the rows it was read from → dTable [V, C]. */
export function embeddingBackward(
  dY: Numbers,
  ids: Numbers,
  { V, C }: EmbeddingShape,
): Float64Array {
  requireLength("dY", dY, ids.length * C);
  const dTable = new Float64Array(V * C);
  for (let n = 0; n < ids.length; n++) {
    const row = rowOf(ids[n], V);
    for (let c = 0; c < C; c++) dTable[row * C + c] += dY[n * C + c];
  }
  return dTable;
}

function rowOf(id: number, V: number): number {
  if (!Number.isInteger(id) || id < 0 || id >= V) {
    throw new RangeError(`Cannot embed token ${id}: expected a whole number from 0 to ${V - 1}`);
  }
  return id;
}
