/** Vector code of sums down the columns of a matrix: the gradients of biases and of norms. @module */

import {
  add,
  inLanes,
  type Lanes,
  multiply,
  subtract,
  type VectorCode,
  vectorFunction,
} from "./vector_code.ts";
import {
  advance,
  type Code,
  constant,
  get,
  load,
  type Local,
  set,
  type WasmFunction,
} from "./wasm_module.ts";

/**
 * For every column: sums over the rows what `terms` gives, and adds them to `targets`. `columnPointers` move from column to column, and in a column by
 * `rowBytes` from row to row; `rowPointers` move by their own bytes from row to row.
 */
function downColumns(
  code: VectorCode,
  { rows, columns, rowBytes, columnPointers, rowPointers, targets }: {
    readonly rows: Local;
    readonly columns: Local;
    readonly rowBytes: Local;
    readonly columnPointers: readonly Local[];
    readonly rowPointers: readonly (readonly [Local, number])[];
    readonly targets: readonly Local[];
  },
  terms: (lanes: Lanes, columns: readonly Local[], rows: readonly Local[]) => readonly Code[],
): void {
  const left = code.local("i32");
  const places = columnPointers.map(() => code.local("i32"));
  const entries = rowPointers.map(() => code.local("i32"));
  const sums = targets.map(() => code.local("v128"));
  inLanes(code, columns, (lanes) => {
    code.emit(set(left, get(rows)));
    places.forEach((place, i) => code.emit(set(place, get(columnPointers[i]))));
    entries.forEach((entry, i) => code.emit(set(entry, get(rowPointers[i][0]))));
    for (const sum of sums) code.emit(set(sum, code.number(0)));
    code.repeat(get(left), () => {
      terms(lanes, places, entries).forEach((term, i) =>
        code.emit(set(sums[i], add(get(sums[i]), term)))
      );
      for (const place of places) code.emit(advance(place, get(rowBytes)));
      entries.forEach((entry, i) => code.emit(advance(entry, constant(rowPointers[i][1]))));
      code.emit(advance(left, constant(-1)));
    });
    targets.forEach((target, i) => {
      code.emit(lanes.store(target, add(lanes.load(target), get(sums[i]))));
    });
    for (const pointer of [...columnPointers, ...targets]) {
      code.emit(advance(pointer, constant(4 * lanes.width)));
    }
  });
}

/** columnSums(x, y, rows, columns, rowBytes): y += sums of x. */
export function columnSumsFunction(): WasmFunction {
  return vectorFunction(
    "columnSums",
    ["i32", "i32", "i32", "i32", "i32"],
    (code, [x, y, rows, columns, rowBytes]) => {
      const pointers = { columnPointers: [x], rowPointers: [], targets: [y] };
      downColumns(code, { rows, columns, rowBytes, ...pointers }, (lanes, [value]) => [
        lanes.load(value),
      ]);
    },
  );
}

/** layerNormParameters(x, statistics, dy, dgamma, dbeta, rows, columns, rowBytes): dgamma += Σ dy·(x − mean)·rstd, dbeta += Σ dy. */
export function layerNormParametersFunction(): WasmFunction {
  return vectorFunction(
    "layerNormParameters",
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    (code, [x, statistics, dy, dgamma, dbeta, rows, columns, rowBytes]) => {
      const pointers = {
        columnPointers: [x, dy],
        rowPointers: [[statistics, 8]] as const,
        targets: [dgamma, dbeta],
      };
      downColumns(
        code,
        { rows, columns, rowBytes, ...pointers },
        (lanes, [value, gradient], [entry]) => {
          const mean = load("v128.load32_splat", get(entry));
          const rstd = load("v128.load32_splat", get(entry), 4);
          const d = code.keep(lanes.load(gradient));
          return [multiply(d, multiply(subtract(lanes.load(value), mean), rstd)), d];
        },
      );
    },
  );
}
