/**
 * The WebAssembly code of a register tile: {@linkcode TILE_ROWS} × {@linkcode TILE_COLUMNS} sums over packed panels, all in registers.
 *
 * Where a runtime checks the bounds of every access (V8 does, unless its host installs a trap handler), an access costs three or four instructions. So
 * A's elements are read four at a time and spread by shuffles, which leaves 3¼ accesses a step rather than 7.
 *
 * @module
 */

import { range } from "./range.ts";
import { multiplyAdd } from "./vector_code.ts";
import {
  advance,
  branch,
  type Code,
  constant,
  get,
  instruction,
  load,
  type Local,
  loopWhile,
  set,
  shuffle,
  store,
  type ValueType,
  zeros,
} from "./wasm_module.ts";

/** Rows of a register tile: with 8 columns, 10 of the 16 vector registers of x86-64 hold sums, four hold operands, and V8 keeps one. */
export const TILE_ROWS = 5;
/** Columns of a register tile. */
export const TILE_COLUMNS = 8;

/** Steps that the longest loop takes at once: a multiple of four, so that A's elements come in whole vectors. */
const UNROLLED = 8;

/** How a product is added to a sum: in one rounding (`fused`, where the processor can) or in two. */
export type MultiplyAdd = "fused" | "separate";

/** Where a tile goes. Addresses and strides count bytes. */
export interface TileTarget {
  readonly c: Local;
  readonly cStride: Local;
  /** What is added, where `adds` is not 0. */
  readonly source: Local;
  readonly sourceStride: Local;
  readonly adds: Local;
  /** In all lanes. */
  readonly alpha: Local;
}

/** A tile under construction. */
export interface Tile {
  /** Sums over `steps` steps of the panels at `a` and `b`; all three locals are used up. */
  multiply(a: Local, b: Local, steps: Local): Code[];
  /** Writes alpha · sums (+ source). The locals `c` and `source` are used up. */
  write(target: TileTarget): Code[];
}

/** Declares the registers of a tile. */
export function createTile(
  rounding: MultiplyAdd,
  local: (type: ValueType) => Local,
): Tile {
  const fused = rounding === "fused";
  const sums = range(TILE_ROWS).map(() => range(2).map(() => local("v128")));
  const columns = [local("v128"), local("v128")];
  const four = local("v128");
  const row = local("v128");

  const loadColumns = (step: number): Code[] =>
    columns.map((column, half) =>
      set(column, load("v128.load", get(columnsAt.b), 4 * TILE_COLUMNS * step + 16 * half))
    );
  // Set by multiply(): the pointers of the panels.
  let columnsAt: { readonly a: Local; readonly b: Local };
  const addProducts = (pair: readonly Local[]): Code[] =>
    pair.map((sum, half) => set(sum, multiplyAdd(fused, get(row), get(columns[half]), get(sum))));
  const stepOfMany = (step: number): Code[] => [
    ...loadColumns(step),
    ...sums.flatMap((pair, i) => {
      const element = TILE_ROWS * step + i;
      const lane = element % 4;
      return [
        ...(lane === 0 ? [set(four, load("v128.load", get(columnsAt.a), 4 * element))] : []),
        set(row, shuffle(get(four), get(four), [lane, lane, lane, lane])),
        ...addProducts(pair),
      ];
    }),
  ];
  const singleStep = (): Code[] => [
    ...loadColumns(0),
    ...sums.flatMap((pair, i) => [
      set(row, load("v128.load32_splat", get(columnsAt.a), 4 * i)),
      ...addProducts(pair),
    ]),
  ];

  return {
    multiply(a, b, steps) {
      columnsAt = { a, b };
      const repeat = (count: number, body: readonly Code[]): Code =>
        loopWhile(
          instruction("i32.ge_u", get(steps), constant(count)),
          ...body,
          advance(a, constant(4 * TILE_ROWS * count)),
          advance(b, constant(4 * TILE_COLUMNS * count)),
          advance(steps, constant(-count)),
        );
      return [
        ...sums.flat().map((sum) => set(sum, zeros())),
        repeat(UNROLLED, range(UNROLLED).flatMap(stepOfMany)),
        repeat(1, singleStep()),
      ];
    },
    write({ c, cStride, source, sourceStride, adds, alpha }) {
      const scaled = (sum: Local): Code => instruction("f32x4.mul", get(sum), get(alpha));
      const rows = (value: (sum: Local, half: number) => Code, last: Code[]): Code[] =>
        sums.flatMap((pair) => [
          ...pair.map((sum, half) => store("v128.store", get(c), value(sum, half), 16 * half)),
          advance(c, get(cStride)),
          ...last,
        ]);
      const added = (sum: Local, half: number): Code =>
        instruction("f32x4.add", load("v128.load", get(source), 16 * half), scaled(sum));
      return [
        branch(
          get(adds),
          rows(added, [advance(source, get(sourceStride))]),
          rows(scaled, []),
        ),
      ];
    },
  };
}
