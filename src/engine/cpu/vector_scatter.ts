/** Vector code that adds rows to the rows of a table: the gradient of an embedding. @module */

import { add, overElements, overRows, vectorFunction } from "./vector_code.ts";
import {
  constant,
  get,
  instruction,
  load as loadAt,
  set,
  type WasmFunction,
} from "./wasm_module.ts";

/** clearRows(table, rows, columns, rowBytes). */
export function clearRowsFunction(): WasmFunction {
  return vectorFunction(
    "clearRows",
    ["i32", "i32", "i32", "i32"],
    (code, [table, rows, columns, rowBytes]) => {
      const zero = code.number(0);
      overRows(code, rows, [[table, get(rowBytes)]], () => {
        overElements(code, get(columns), [get(table)], ({ store }) => store(0, zero));
      });
    },
  );
}

/** addRows(table, ids, x, rows, columns, rowBytes): table[ids[n]] += x[n], row after row. */
export function addRowsFunction(): WasmFunction {
  return vectorFunction(
    "addRows",
    ["i32", "i32", "i32", "i32", "i32", "i32"],
    (code, [table, ids, x, rows, columns, rowBytes]) => {
      const target = code.local("i32");
      overRows(code, rows, [[ids, constant(4)], [x, get(rowBytes)]], () => {
        const offset = instruction("i32.mul", loadAt("i32.load", get(ids)), get(rowBytes));
        code.emit(set(target, instruction("i32.add", get(table), offset)));
        overElements(code, get(columns), [get(target), get(x)], ({ load, store }) => {
          store(0, add(load(0), load(1)));
        });
      });
    },
  );
}
