/**
 * WebAssembly code of products of small matrices in a thread's working memory.
 *
 * Matrices there are padded to whole register tiles, so that no product has an edge: what lies beyond one is computed and never read. A product's left side
 * is read as it lies, by rows or by columns; its right side by rows.
 *
 * @module
 */

import { range } from "./range.ts";
import { add, multiplyAdd } from "./vector_code.ts";
import {
  advance,
  branch,
  call,
  type Code,
  constant,
  defineFunction,
  get,
  i32s,
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

/** Rows of a register tile whose left side is read by rows. */
export const TILE_ROWS = 6;
/** Rows of a register tile whose left side is read by columns. */
export const COLUMN_TILE_ROWS = 5;
/** Columns of a register tile. */
export const TILE_COLUMNS = 8;

/** What a tile's loop over the steps is made of. */
interface TileLoop {
  readonly a: Local;
  readonly aStride: Local;
  readonly steps: Local;
  local(type: ValueType): Local;
  /** One step: A's element of each row, in all lanes, times B's row. */
  step(element: (row: number) => Code): Code[];
}

/** tile(a, aStride, b, bStride, c, cStride, steps, accumulate): one tile of C = A·B, or added to C. */
function tileFunction(
  name: string,
  rows: number,
  fused: boolean,
  loop: (parts: TileLoop) => Code[],
): WasmFunction {
  return defineFunction(
    name,
    i32s(8),
    ([a, aStride, b, bStride, c, cStride, steps, accumulate], local) => {
      const sums = range(rows).map(() => range(2).map(() => local("v128")));
      const columns = [local("v128"), local("v128")];
      const spread = local("v128");
      const step = (element: (row: number) => Code): Code[] => [
        ...columns.map((column, half) => set(column, load("v128.load", get(b), 16 * half))),
        advance(b, get(bStride)),
        ...sums.flatMap((pair, row) => [
          set(spread, element(row)),
          ...pair.map((sum, half) =>
            set(sum, multiplyAdd(fused, get(spread), get(columns[half]), get(sum)))
          ),
        ]),
      ];
      const write = (value: (sum: Local, half: number) => Code): Code[] =>
        sums.flatMap((pair) => [
          ...pair.map((sum, half) => store("v128.store", get(c), value(sum, half), 16 * half)),
          advance(c, get(cStride)),
        ]);
      return [
        ...sums.flat().map((sum) => set(sum, zeros())),
        ...loop({ a, aStride, steps, local, step }),
        branch(
          get(accumulate),
          write((sum, half) => add(load("v128.load", get(c), 16 * half), get(sum))),
          write(get),
        ),
      ];
    },
  );
}

/** A tile of {@linkcode TILE_ROWS}: A's rows are aStride apart, its steps side by side and a multiple of {@linkcode TILE_COLUMNS}. */
export function rowTileFunction(name: string, fused: boolean): WasmFunction {
  return tileFunction(name, TILE_ROWS, fused, ({ a, aStride, steps, local, step }) => {
    const rows = range(TILE_ROWS).map(() => local("i32"));
    return [
      ...rows.map((row, i) =>
        set(row, i === 0 ? get(a) : instruction("i32.add", get(rows[i - 1]), get(aStride)))
      ),
      loopWhile(
        get(steps),
        ...range(TILE_COLUMNS).flatMap((number) =>
          step((row) => load("v128.load32_splat", get(rows[row]), 4 * number))
        ),
        ...rows.map((row) => advance(row, constant(4 * TILE_COLUMNS))),
        advance(steps, constant(-TILE_COLUMNS)),
      ),
    ];
  });
}

/**
 * A tile of {@linkcode COLUMN_TILE_ROWS}: A's steps are aStride apart, its rows side by side. Four of them are read at once, because V8 may check the bounds
 * of every access.
 */
export function columnTileFunction(name: string, fused: boolean): WasmFunction {
  return tileFunction(name, COLUMN_TILE_ROWS, fused, ({ a, aStride, steps, local, step }) => {
    const four = local("v128");
    const element = (row: number): Code =>
      row < 4
        ? shuffle(get(four), get(four), [row, row, row, row])
        : load("v128.load32_splat", get(a), 4 * row);
    const repeat = (count: number): Code =>
      loopWhile(
        instruction("i32.ge_u", get(steps), constant(count)),
        ...range(count).flatMap(() => [
          set(four, load("v128.load", get(a))),
          ...step(element),
          advance(a, get(aStride)),
        ]),
        advance(steps, constant(-count)),
      );
    return [repeat(4), repeat(1)];
  });
}

/**
 * NAME(a, aTile, aStride, b, bStride, c, cStride, rows, columns, steps, accumulate): whole tiles of `height` rows, by the function at a position of the
 * module; `aTile` bytes lead to the next tile's rows.
 */
export function multiplyFunction(name: string, tile: number, height: number): WasmFunction {
  return defineFunction(
    name,
    i32s(11),
    ([a, aTile, aStride, b, bStride, c, cStride, rows, columns, steps, accumulate], local) => {
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
            advance(tileC, instruction("i32.mul", get(cStride), constant(height))),
            advance(row, constant(-height)),
          ),
          advance(b, constant(4 * TILE_COLUMNS)),
          advance(c, constant(4 * TILE_COLUMNS)),
          advance(columns, constant(-TILE_COLUMNS)),
        ),
      ];
    },
  );
}

/** transpose(target, source, rows, columns, targetStride, sourceStride): a multiple of four rows and of four columns. */
export function transposeFunction(): WasmFunction {
  return defineFunction(
    "transpose",
    i32s(6),
    ([target, source, rows, columns, targetStride, sourceStride], local) => {
      const [rest, from, to] = range(3).map(() => local("i32"));
      const vectors = range(4).map(() => local("v128"));
      const pairs = (lanes: readonly [number, number, number, number]): Code[] =>
        [0, 2].map((x) => shuffle(get(vectors[x]), get(vectors[x + 1]), lanes));
      const steps = [pairs([0, 4, 1, 5]), pairs([2, 6, 3, 7])].flatMap(([x, y]) => [
        shuffle(x, y, [0, 1, 4, 5]),
        shuffle(x, y, [2, 3, 6, 7]),
      ]);
      return [
        loopWhile(
          get(rows),
          set(rest, get(columns)),
          set(to, get(target)),
          loopWhile(
            get(rest),
            set(from, get(source)),
            ...vectors.flatMap((vector) => [
              set(vector, load("v128.load", get(from))),
              advance(from, get(sourceStride)),
            ]),
            ...steps.flatMap((step) => [
              store("v128.store", get(to), step),
              advance(to, get(targetStride)),
            ]),
            advance(source, constant(16)),
            advance(rest, constant(-4)),
          ),
          // To the next four rows: back over the columns just read.
          advance(source, instruction("i32.mul", get(columns), constant(-4))),
          advance(source, instruction("i32.mul", get(sourceStride), constant(4))),
          advance(target, constant(16)),
          advance(rows, constant(-4)),
        ),
      ];
    },
  );
}
