/**
 * The WebAssembly code of the matrix product: packing into panels, and a product of packed panels by tiles of {@linkcode TILE_ROWS} ×
 * {@linkcode TILE_COLUMNS} that stay in registers.
 *
 * A panel holds TILE_ROWS rows of A (or TILE_COLUMNS columns of B), step by step along k. A last, partial panel repeats its last row or column: what
 * comes of the repeats lands in a spill tile and is never copied out, so that edges get exactly the arithmetic of full tiles.
 *
 * @module
 */

import {
  advance,
  branch,
  call,
  type Code,
  constant,
  defineFunction,
  encodeModule,
  get,
  instruction,
  load,
  type Local,
  loopWhile,
  set,
  shuffle,
  store,
  storeHalf,
  type WasmFunction,
  zeros,
} from "./wasm_module.ts";

/** Rows of a register tile: with 8 columns, 12 of the 16 vector registers of x86-64 hold sums. Packing wants it even. */
export const TILE_ROWS = 6;
/** Columns of a register tile. */
export const TILE_COLUMNS = 8;
/** Bytes of the spill tile. */
export const SPILL_BYTES = 4 * TILE_ROWS * TILE_COLUMNS;

/** How a product is added to a sum: in one rounding (`fused`, where the processor can) or in two. */
export type MultiplyAdd = "fused" | "separate";

/** What the module exports. Addresses and strides count bytes. */
export interface GemmExports {
  /** Packs `lanes` rows of A over `steps` of k. */
  packRows(
    target: number,
    source: number,
    lanes: number,
    steps: number,
    laneStride: number,
    stepStride: number,
  ): void;
  /** Packs `lanes` columns of B over `steps` of k. */
  packColumns(
    target: number,
    source: number,
    lanes: number,
    steps: number,
    laneStride: number,
    stepStride: number,
  ): void;
  /** C[rows, columns] = alpha · (packed A) · (packed B), or added to C where `accumulate` is 1. */
  multiply(
    a: number,
    b: number,
    c: number,
    rows: number,
    columns: number,
    steps: number,
    cStride: number,
    alpha: number,
    accumulate: number,
    spill: number,
  ): void;
}

/** Bytes of the module. */
export function gemmModule(multiplyAdd: MultiplyAdd): Uint8Array<ArrayBuffer> {
  return encodeModule([
    tileFunction(multiplyAdd),
    copyFunction(),
    multiplyFunction(),
    packFunction("packRows", TILE_ROWS),
    packFunction("packColumns", TILE_COLUMNS),
  ]);
}

const TILE = 0;
const COPY = 1;

/** tile(a, b, steps, c, cStride, alpha, accumulate): one full tile of C. */
function tileFunction(multiplyAdd: MultiplyAdd): WasmFunction {
  return defineFunction(
    "tile",
    ["i32", "i32", "i32", "i32", "i32", "f32", "i32"],
    ([a, b, steps, c, cStride, alpha, accumulate], local) => {
      const sums = range(TILE_ROWS).map(() => range(2).map(() => local("v128")));
      const columns = [local("v128"), local("v128")];
      const row = local("v128");
      const scale = local("v128");
      const step = (unrolled: number): Code[] => [
        ...columns.map((column, half) =>
          set(column, load("v128.load", get(b), 4 * TILE_COLUMNS * unrolled + 16 * half))
        ),
        ...sums.flatMap((pair, i) => [
          set(row, load("v128.load32_splat", get(a), 4 * (TILE_ROWS * unrolled + i))),
          ...pair.map((sum, half) => set(sum, add(multiplyAdd, row, columns[half], sum))),
        ]),
      ];
      const repeat = (count: number): Code =>
        loopWhile(
          instruction("i32.ge_u", get(steps), constant(count)),
          ...range(count).flatMap(step),
          advance(a, constant(4 * TILE_ROWS * count)),
          advance(b, constant(4 * TILE_COLUMNS * count)),
          advance(steps, constant(-count)),
        );
      const eachRow = (write: (sum: Local, half: number) => Code): Code[] =>
        sums.flatMap((pair) => [...pair.map(write), advance(c, get(cStride))]);
      return [
        ...sums.flat().map((sum) => set(sum, zeros())),
        repeat(4),
        repeat(1),
        set(scale, instruction("f32x4.splat", get(alpha))),
        branch(
          get(accumulate),
          eachRow((sum, half) =>
            store(
              "v128.store",
              get(c),
              instruction(
                "f32x4.add",
                load("v128.load", get(c), 16 * half),
                instruction("f32x4.mul", get(sum), get(scale)),
              ),
              16 * half,
            )
          ),
          eachRow((sum, half) =>
            store("v128.store", get(c), instruction("f32x4.mul", get(sum), get(scale)), 16 * half)
          ),
        ),
      ];
    },
  );
}

function add(multiplyAdd: MultiplyAdd, x: Local, y: Local, sum: Local): Code {
  return multiplyAdd === "fused"
    ? instruction("f32x4.relaxed_madd", get(x), get(y), get(sum))
    : instruction("f32x4.add", instruction("f32x4.mul", get(x), get(y)), get(sum));
}

/** copy(target, source, rows, columns, targetStride, sourceStride): element by element. */
function copyFunction(): WasmFunction {
  return defineFunction(
    "copy",
    ["i32", "i32", "i32", "i32", "i32", "i32"],
    ([target, source, rows, columns, targetStride, sourceStride], local) => {
      const offset = local("i32");
      const bytes = local("i32");
      return [
        set(bytes, instruction("i32.mul", get(columns), constant(4))),
        loopWhile(
          get(rows),
          set(offset, constant(0)),
          loopWhile(
            instruction("i32.lt_u", get(offset), get(bytes)),
            store(
              "f32.store",
              instruction("i32.add", get(target), get(offset)),
              load("f32.load", instruction("i32.add", get(source), get(offset))),
            ),
            advance(offset, constant(4)),
          ),
          advance(target, get(targetStride)),
          advance(source, get(sourceStride)),
          advance(rows, constant(-1)),
        ),
      ];
    },
  );
}

/** See {@linkcode GemmExports.multiply}: B's panel stays in the first cache while A's panels pass by. */
function multiplyFunction(): WasmFunction {
  return defineFunction(
    "multiply",
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "f32", "i32", "i32"],
    ([a, b, c, rows, columns, steps, cStride, alpha, accumulate, spill], local) => {
      const [aPanel, cTile, row, height, width] = range(5).map(() => local("i32"));
      const spillStride = constant(4 * TILE_COLUMNS);
      return [
        loopWhile(
          get(columns),
          set(width, minimum(get(columns), constant(TILE_COLUMNS))),
          set(aPanel, get(a)),
          set(cTile, get(c)),
          set(row, get(rows)),
          loopWhile(
            get(row),
            set(height, minimum(get(row), constant(TILE_ROWS))),
            branch(
              instruction(
                "i32.eq",
                instruction("i32.mul", get(height), get(width)),
                constant(TILE_ROWS * TILE_COLUMNS),
              ),
              [
                call(
                  TILE,
                  get(aPanel),
                  get(b),
                  get(steps),
                  get(cTile),
                  get(cStride),
                  get(alpha),
                  get(accumulate),
                ),
              ],
              [
                branch(get(accumulate), [
                  call(
                    COPY,
                    get(spill),
                    get(cTile),
                    get(height),
                    get(width),
                    spillStride,
                    get(cStride),
                  ),
                ]),
                call(
                  TILE,
                  get(aPanel),
                  get(b),
                  get(steps),
                  get(spill),
                  spillStride,
                  get(alpha),
                  get(accumulate),
                ),
                call(
                  COPY,
                  get(cTile),
                  get(spill),
                  get(height),
                  get(width),
                  get(cStride),
                  spillStride,
                ),
              ],
            ),
            advance(aPanel, instruction("i32.mul", get(steps), constant(4 * TILE_ROWS))),
            advance(cTile, instruction("i32.mul", get(cStride), constant(TILE_ROWS))),
            set(row, instruction("i32.sub", get(row), get(height))),
          ),
          advance(b, instruction("i32.mul", get(steps), constant(4 * TILE_COLUMNS))),
          advance(c, constant(4 * TILE_COLUMNS)),
          set(columns, instruction("i32.sub", get(columns), get(width))),
        ),
      ];
    },
  );
}

/** See {@linkcode GemmExports.packRows}: `width` lanes a panel, by vectors where lanes or steps lie side by side, else element by element. */
function packFunction(name: string, width: number): WasmFunction {
  return defineFunction(
    name,
    ["i32", "i32", "i32", "i32", "i32", "i32"],
    ([target, source, lanes, steps, laneStride, stepStride], local) => {
      const pointers = range(width).map(() => local("i32"));
      const rest = local("i32");
      const count = local("i32");
      const panelStep = 4 * width;
      const sideBySide = instruction(
        "i32.and",
        instruction("i32.eq", get(laneStride), constant(4)),
        instruction("i32.eq", get(count), constant(width)),
      );
      const copyStep = [
        ...copyLanes(target, pointers[0], width),
        advance(pointers[0], get(stepStride)),
        advance(target, constant(panelStep)),
        advance(rest, constant(-1)),
      ];
      const fourSteps = [
        ...transposeLanes(target, pointers, range(4).map(() => local("v128"))),
        ...pointers.map((pointer) => advance(pointer, constant(16))),
        advance(target, constant(4 * panelStep)),
        advance(rest, constant(-4)),
      ];
      const oneStep = [
        ...pointers.map((pointer, lane) =>
          store("f32.store", get(target), load("f32.load", get(pointer)), 4 * lane)
        ),
        ...pointers.map((pointer) => advance(pointer, get(stepStride))),
        advance(target, constant(panelStep)),
        advance(rest, constant(-1)),
      ];
      return [
        loopWhile(
          get(lanes),
          set(count, minimum(get(lanes), constant(width))),
          set(rest, get(steps)),
          set(pointers[0], get(source)),
          ...range(width - 1).map((lane) =>
            set(
              pointers[lane + 1],
              instruction(
                "select",
                instruction("i32.add", get(pointers[lane]), get(laneStride)),
                get(pointers[lane]),
                instruction("i32.gt_u", get(count), constant(lane + 1)),
              ),
            )
          ),
          branch(sideBySide, [loopWhile(get(rest), ...copyStep)], [
            branch(instruction("i32.eq", get(stepStride), constant(4)), [
              loopWhile(instruction("i32.ge_u", get(rest), constant(4)), ...fourSteps),
            ]),
            loopWhile(get(rest), ...oneStep),
          ]),
          advance(source, instruction("i32.mul", get(laneStride), constant(width))),
          set(lanes, instruction("i32.sub", get(lanes), get(count))),
        ),
      ];
    },
  );
}

/** One step of a panel from lanes that lie side by side. */
function copyLanes(target: Local, source: Local, width: number): Code[] {
  const quads = range(Math.floor(width / 4)).map((quad) =>
    store("v128.store", get(target), load("v128.load", get(source), 16 * quad), 16 * quad)
  );
  const done = 16 * quads.length;
  return width % 4 === 0
    ? quads
    : [...quads, storeHalf(0, get(target), load("v128.load64_zero", get(source), done), done)];
}

/** Four steps of a panel from lanes of which each has its steps side by side: transposes of 4 × 4, and of 2 × 4 for a last pair of lanes. */
function transposeLanes(target: Local, pointers: readonly Local[], rows: readonly Local[]): Code[] {
  const panelStep = 4 * pointers.length;
  const interleaveLow = (x: number): Code => shuffle(get(rows[x]), get(rows[x + 1]), [0, 4, 1, 5]);
  const interleaveHigh = (x: number): Code => shuffle(get(rows[x]), get(rows[x + 1]), [2, 6, 3, 7]);
  const code: Code[] = [];
  for (let lane = 0; lane < pointers.length; lane += 4) {
    const taken = pointers.slice(lane, lane + 4);
    code.push(...taken.map((pointer, i) => set(rows[i], load("v128.load", get(pointer)))));
    [interleaveLow, interleaveHigh].forEach((interleave, half) => {
      const first = 4 * lane + 2 * half * panelStep;
      const second = first + panelStep;
      if (taken.length === 4) {
        const low = shuffle(interleave(0), interleave(2), [0, 1, 4, 5]);
        const high = shuffle(interleave(0), interleave(2), [2, 3, 6, 7]);
        code.push(store("v128.store", get(target), low, first));
        code.push(store("v128.store", get(target), high, second));
      } else {
        code.push(storeHalf(0, get(target), interleave(0), first));
        code.push(storeHalf(1, get(target), interleave(0), second));
      }
    });
  }
  return code;
}

function minimum(x: Code, y: Code): Code {
  return instruction("select", x, y, instruction("i32.lt_u", x, y));
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
