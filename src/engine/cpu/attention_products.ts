/**
 * WebAssembly code of products of small matrices in a thread's working memory.
 *
 * Matrices there are padded to whole register tiles of {@linkcode TILE_ROWS} × {@linkcode TILE_COLUMNS}, so that no product has an edge. A product's left side
 * is read element by element as it lies, its right side by rows of eight.
 *
 * @module
 */

import { add, multiply } from "./vector_code.ts";
import {
  advance,
  branch,
  call,
  type Code,
  constant,
  defineFunction,
  get,
  instruction,
  load,
  type Local,
  loopWhile,
  set,
  shuffle,
  store,
  type ValueType,
  type WasmFunction,
  zeros,
} from "./wasm_module.ts";

/** Rows of a register tile. */
export const TILE_ROWS = 6;
/** Columns of a register tile. */
export const TILE_COLUMNS = 8;

/** How a product is added to a sum. */
export type MultiplyAdd = (x: Code, y: Code, sum: Code) => Code;

/** In one rounding, or in two where the processor cannot. */
export const fusedMultiplyAdd: MultiplyAdd = (x, y, sum) =>
  instruction("f32x4.relaxed_madd", x, y, sum);

/** In two roundings. */
export const separateMultiplyAdd: MultiplyAdd = (x, y, sum) => add(multiply(x, y), sum);

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const times4 = (count: Code): Code => instruction("i32.mul", count, constant(4));
const i32s = (count: number): ValueType[] => new Array<ValueType>(count).fill("i32");

/**
 * tile(a, aStride, b, bStride, c, cStride, steps, accumulate): one tile of C = A·B, or added to C. A's rows are aStride apart and steps side by
 * side, in multiples of {@linkcode TILE_COLUMNS}; where `transposed`, its steps are aStride apart, in multiples of {@linkcode TILE_ROWS}.
 */
export function tileFunction(
  name: string,
  multiplyAdd: MultiplyAdd,
  transposed: boolean,
): WasmFunction {
  return defineFunction(
    name,
    i32s(8),
    ([a, aStride, b, bStride, c, cStride, steps, accumulate], local) => {
      const sums = range(TILE_ROWS).map(() => range(2).map(() => local("v128")));
      const columns = [local("v128"), local("v128")];
      const row = local("v128");
      const rows = transposed ? [] : range(TILE_ROWS).map(() => local("i32"));
      const unrolled = transposed ? TILE_ROWS : TILE_COLUMNS;
      const step = (number: number): Code[] => [
        ...columns.map((column, half) => set(column, load("v128.load", get(b), 16 * half))),
        advance(b, get(bStride)),
        ...sums.flatMap((pair, i) => [
          set(
            row,
            transposed
              ? load("v128.load32_splat", get(a), 4 * i)
              : load("v128.load32_splat", get(rows[i]), 4 * number),
          ),
          ...pair.map((sum, half) => set(sum, multiplyAdd(get(row), get(columns[half]), get(sum)))),
        ]),
        ...(transposed ? [advance(a, get(aStride))] : []),
      ];
      const write = (value: (sum: Local, half: number) => Code): Code[] =>
        sums.flatMap((pair) => [
          ...pair.map((sum, half) => store("v128.store", get(c), value(sum, half), 16 * half)),
          advance(c, get(cStride)),
        ]);
      return [
        ...sums.flat().map((sum) => set(sum, zeros())),
        ...rows.map((pointer, i) =>
          set(pointer, i === 0 ? get(a) : instruction("i32.add", get(rows[i - 1]), get(aStride)))
        ),
        loopWhile(
          get(steps),
          ...range(unrolled).flatMap(step),
          ...rows.map((pointer) => advance(pointer, constant(4 * unrolled))),
          advance(steps, constant(-unrolled)),
        ),
        branch(
          get(accumulate),
          write((sum, half) => add(load("v128.load", get(c), 16 * half), get(sum))),
          write(get),
        ),
      ];
    },
  );
}

/**
 * NAME(a, aTile, aStride, b, bPanel, bStride, c, cStride, rows, columns, steps, accumulate): whole tiles, by the function at a position of the module;
 * `aTile` leads to the next tile's rows and `bPanel` to its columns.
 */
export function multiplyFunction(name: string, tile: number): WasmFunction {
  return defineFunction(
    name,
    i32s(12),
    (
      [a, aTile, aStride, b, bPanel, bStride, c, cStride, rows, columns, steps, accumulate],
      local,
    ) => {
      const [row, tileA, tileC] = range(3).map(() => local("i32"));
      return [
        loopWhile(
          get(columns),
          set(row, get(rows)),
          set(tileA, get(a)),
          set(tileC, get(c)),
          loopWhile(
            get(row),
            call(
              tile,
              ...[tileA, aStride, b, bStride, tileC, cStride, steps, accumulate].map(get),
            ),
            advance(tileA, get(aTile)),
            advance(tileC, instruction("i32.mul", get(cStride), constant(TILE_ROWS))),
            advance(row, constant(-TILE_ROWS)),
          ),
          advance(b, get(bPanel)),
          advance(c, constant(4 * TILE_COLUMNS)),
          advance(columns, constant(-TILE_COLUMNS)),
        ),
      ];
    },
  );
}

/** transpose(target, source, panels, width): rows of a multiple of 4 elements, eight a panel, to panels of `width` steps of eight. */
export function transposeFunction(): WasmFunction {
  return defineFunction("transpose", i32s(4), ([target, source, panels, width], local) => {
    const rest = local("i32");
    const pointers = range(TILE_COLUMNS).map(() => local("i32"));
    const rows = range(4).map(() => local("v128"));
    const quad = (first: number): Code[] => {
      const pairs = (lanes: readonly [number, number, number, number]) =>
        [0, 2].map((x) => shuffle(get(rows[x]), get(rows[x + 1]), lanes));
      const [low, high] = [pairs([0, 4, 1, 5]), pairs([2, 6, 3, 7])];
      const steps = [low, high].flatMap(([x, y]) => [
        shuffle(x, y, [0, 1, 4, 5]),
        shuffle(x, y, [2, 3, 6, 7]),
      ]);
      return [
        ...rows.map((row, i) => set(row, load("v128.load", get(pointers[first + i])))),
        ...steps.map((step, i) =>
          store("v128.store", get(target), step, 4 * TILE_COLUMNS * i + 4 * first)
        ),
      ];
    };
    return [
      loopWhile(
        get(panels),
        ...pointers.map((pointer, i) =>
          set(
            pointer,
            i === 0
              ? get(source)
              : instruction("i32.add", get(pointers[i - 1]), times4(get(width))),
          )
        ),
        set(rest, get(width)),
        loopWhile(
          get(rest),
          ...quad(0),
          ...quad(4),
          ...pointers.map((pointer) => advance(pointer, constant(16))),
          advance(target, constant(16 * TILE_COLUMNS)),
          advance(rest, constant(-4)),
        ),
        advance(source, instruction("i32.mul", get(width), constant(4 * TILE_COLUMNS))),
        advance(panels, constant(-1)),
      ),
    ];
  });
}
