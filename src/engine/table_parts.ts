/** Tables of frozen weights that are larger than what a dispatch can bind, in parts of whole rows. @module */

import { rowsOf, widthOf } from "./kernel_call.ts";
import { elementBytes, type Tensor } from "./program.ts";

/** Parts begin at multiples of as many rows: at 256 bytes or a multiple, in the table and in what has a number for each row, as WebGPU's default limits ask. */
const ROWS_TOGETHER = 128;

/** Rows of a table. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** The rows of a table by parts that can be bound, one where all of it can. An int8 table is one, as its scales lie behind all rows. */
export function rowParts(table: Tensor, largestBinding: number): RowRange[] {
  const rows = rowsOf(table);
  const rowBytes = elementBytes(table.dtype) * widthOf(table);
  const fitting = Math.floor(largestBinding / rowBytes / ROWS_TOGETHER) * ROWS_TOGETHER;
  if (rows * rowBytes <= largestBinding || table.dtype === "int8" || fitting === 0) {
    return [{ first: 0, count: rows }];
  }
  return Array.from({ length: Math.ceil(rows / fitting) }, (_, i) => ({
    first: i * fitting,
    count: Math.min(fitting, rows - i * fitting),
  }));
}
