/**
 * The WebAssembly module of products with one vector. Four rows of the matrix at a time share the vector's elements, with two sums a row, so that neither
 * the accesses nor the chains of additions are slower than the memory.
 *
 * @module
 */

import { BYTES, FLOATS, floatsOf, HALVES } from "./gemm_pack.ts";
import { range } from "./range.ts";
import { exponential } from "./vector_activations.ts";
import {
  acrossLanes,
  add,
  divide,
  multiply,
  multiplyAdd,
  overElements,
  subtract,
  sumOver,
  vectorFunction,
} from "./vector_code.ts";
import {
  advance,
  branch,
  type Code,
  constant,
  defineFunction,
  encodeModule,
  get,
  i32s,
  instruction,
  load,
  type Local,
  loopWhile,
  minimum,
  set,
  shuffle,
  store,
  storeFirst,
  storeLane,
  type WasmFunction,
  zeros,
} from "./wasm_module.ts";

/** What the module exports. Addresses and strides count bytes. */
export interface MatvecExports {
  /** y[rows] = factor · M · vector, plus what lies at `addend` where `adds` is 1. */
  dotFloats: Dot;
  /** Likewise of halves. */
  dotHalves: Dot;
  /** Likewise of bytes, each row times its factor at `scales`. */
  dotBytes: Dot;
  /** y[columns] = Σ weights · rows of M. */
  sumRows(
    y: number,
    matrix: number,
    stride: number,
    weights: number,
    rows: number,
    columns: number,
  ): void;
  /** x[count] = softmax(x). */
  softmax(x: number, count: number): void;
}

type Dot = (
  y: number,
  matrix: number,
  stride: number,
  scales: number,
  vector: number,
  addend: number,
  rows: number,
  columns: number,
  adds: number,
  factor: number,
) => void;

/** Bytes of the module; products are summed in one rounding a step where `fused`, which not every runtime validates, or in two. */
export function matvecModule(fused: boolean): Uint8Array<ArrayBuffer> {
  return encodeModule([
    dotFunction("dotFloats", floatRows, fused),
    dotFunction("dotHalves", halfRows, fused),
    dotFunction("dotBytes", byteRows, fused),
    sumRowsFunction(fused),
    softmaxFunction(),
  ]);
}

/** Rows at a time. */
const ROWS = 4;
/** Columns of a step. */
const STEP = 8;
/** Steps that the longest loop takes at once. */
const UNROLLED = 2;

/** How the elements of a row are read as floats. */
interface RowFormat {
  /** Of an element. */
  readonly bytes: 1 | 2 | 4;
  /** Whether every row has a factor of its own. */
  readonly scaled: boolean;
  /** Reads the eight elements at `pointer` + `offset` bytes, by way of a spare local: the code that does it, and the two vectors. */
  eight(pointer: Local, offset: number, spare: Local): {
    readonly before: Code;
    readonly vectors: readonly [Code, Code];
  };
  /** One element in the first lane; what the others hold is finite. */
  one(pointer: Local): Code;
}

const floatRows: RowFormat = {
  bytes: FLOATS.bytes,
  scaled: false,
  eight: (pointer, offset) => ({
    before: [],
    vectors: [
      load("v128.load", get(pointer), offset),
      load("v128.load", get(pointer), offset + 16),
    ],
  }),
  one: (pointer) => load("v128.load32_zero", get(pointer)),
};

const halfRows: RowFormat = {
  bytes: HALVES.bytes,
  scaled: false,
  eight: (pointer, offset, spare) => ({
    before: set(spare, load("v128.load", get(pointer), offset)),
    vectors: [
      floatsOf(instruction("i32x4.extend_low_i16x8_s", get(spare))),
      floatsOf(instruction("i32x4.extend_high_i16x8_s", get(spare))),
    ],
  }),
  one: (pointer) =>
    floatsOf(
      instruction("i32x4.extend_low_i16x8_s", load("v128.load16_splat", get(pointer))),
    ),
};

const byteRows: RowFormat = {
  bytes: BYTES.bytes,
  scaled: true,
  eight: (pointer, offset, spare) => ({
    before: set(
      spare,
      instruction("i16x8.extend_low_i8x16_s", load("v128.load64_zero", get(pointer), offset)),
    ),
    vectors: [
      wholeFloats(instruction("i32x4.extend_low_i16x8_s", get(spare))),
      wholeFloats(instruction("i32x4.extend_high_i16x8_s", get(spare))),
    ],
  }),
  one: (pointer) =>
    instruction(
      "f32x4.splat",
      instruction("f32.convert_i32_s", load("i32.load8_s", get(pointer))),
    ),
};

function wholeFloats(numbers: Code): Code {
  return instruction("f32x4.convert_i32x4_s", numbers);
}

/**
 * See {@linkcode MatvecExports.dotFloats}. The last rows that are fewer than four are joined by the last of them again, so that a row gets the same
 * arithmetic wherever it stands.
 */
function dotFunction(name: string, format: RowFormat, fused: boolean): WasmFunction {
  return defineFunction(
    name,
    [...i32s(9), "f32"],
    ([y, matrix, stride, scales, vector, addend, rows, columns, adds, factor], local) => {
      const [height, rest, x] = range(3).map(() => local("i32"));
      const pointers = range(ROWS).map(() => local("i32"));
      const sums = range(ROWS).map(() => range(2).map(() => local("v128")));
      const elements = [local("v128"), local("v128")];
      const [spare, total, alpha] = range(3).map(() => local("v128"));

      const step = (number: number): Code[] => [
        ...elements.map((element, half) =>
          set(element, load("v128.load", get(x), 4 * STEP * number + 16 * half))
        ),
        ...pointers.flatMap((pointer, row) => {
          const { before, vectors } = format.eight(pointer, format.bytes * STEP * number, spare);
          return [
            before,
            ...vectors.map((vector, half) =>
              set(
                sums[row][half],
                multiplyAdd(fused, vector, get(elements[half]), get(sums[row][half])),
              )
            ),
          ];
        }),
      ];
      const one = [
        set(elements[0], load("v128.load32_zero", get(x))),
        ...pointers.map((pointer, row) =>
          set(
            sums[row][0],
            multiplyAdd(fused, format.one(pointer), get(elements[0]), get(sums[row][0])),
          )
        ),
      ];
      const repeat = (count: number, body: readonly Code[]): Code =>
        loopWhile(
          instruction("i32.ge_u", get(rest), constant(count)),
          ...body,
          advance(x, constant(4 * count)),
          ...pointers.map((pointer) => advance(pointer, constant(format.bytes * count))),
          advance(rest, constant(-count)),
        );

      /** The rows' sums, from lanes that hold parts of one each. */
      const addUp = (): Code => {
        const parts = sums.map(([sum]) => get(sum));
        const pair = (lanes: readonly [number, number, number, number]) =>
          [
            shuffle(parts[0], parts[1], lanes),
            shuffle(parts[2], parts[3], lanes),
          ] as const;
        const low = pair([0, 4, 1, 5]), high = pair([2, 6, 3, 7]);
        return add(
          add(shuffle(...low, [0, 1, 4, 5]), shuffle(...low, [2, 3, 6, 7])),
          add(shuffle(...high, [0, 1, 4, 5]), shuffle(...high, [2, 3, 6, 7])),
        );
      };
      const finished = (of: (pointer: Local) => Code, added: boolean): Code => {
        const scaled = format.scaled ? multiply(get(total), of(scales)) : get(total);
        return added ? add(scaled, of(addend)) : scaled;
      };
      const write = (added: boolean): Code =>
        branch(
          instruction("i32.eq", get(height), constant(ROWS)),
          [
            store(
              "v128.store",
              get(y),
              finished((pointer) => load("v128.load", get(pointer)), added),
            ),
          ],
          ([0, 1, 2] as const).map((row) =>
            branch(instruction("i32.gt_u", get(height), constant(row)), [
              storeLane(
                row,
                get(y),
                finished((pointer) => load("v128.load32_splat", get(pointer), 4 * row), added),
                4 * row,
              ),
            ])
          ),
        );

      return [
        set(alpha, instruction("f32x4.splat", get(factor))),
        loopWhile(
          get(rows),
          set(height, minimum(get(rows), constant(ROWS))),
          set(rest, get(columns)),
          set(x, get(vector)),
          set(pointers[0], get(matrix)),
          ...range(ROWS - 1).map((row) =>
            set(
              pointers[row + 1],
              instruction(
                "select",
                instruction("i32.add", get(pointers[row]), get(stride)),
                get(pointers[row]),
                instruction("i32.gt_u", get(height), constant(row + 1)),
              ),
            )
          ),
          ...sums.flat().map((sum) => set(sum, zeros())),
          repeat(STEP * UNROLLED, range(UNROLLED).flatMap(step)),
          repeat(STEP, step(0)),
          ...sums.map(([first, second]) => set(first, add(get(first), get(second)))),
          repeat(1, one),
          set(total, multiply(addUp(), get(alpha))),
          branch(get(adds), [write(true)], [write(false)]),
          advance(matrix, instruction("i32.mul", get(stride), constant(ROWS))),
          ...[y, scales, addend].map((pointer) => advance(pointer, constant(4 * ROWS))),
          set(rows, instruction("i32.sub", get(rows), get(height))),
        ),
      ];
    },
  );
}

/** Vectors of columns that are summed at once: as many chains of additions as hide their latency. */
const COLUMN_VECTORS = 8;

/** See {@linkcode MatvecExports.sumRows}. */
function sumRowsFunction(fused: boolean): WasmFunction {
  return defineFunction(
    "sumRows",
    i32s(6),
    ([y, matrix, stride, weights, rows, columns], local) => {
      const [row, at, rest] = range(3).map(() => local("i32"));
      const sums = range(COLUMN_VECTORS).map(() => local("v128"));
      const weight = local("v128");
      const block = (
        width: number,
        vectors: readonly Local[],
        read: "v128.load" | "v128.load32_zero",
        write: (vector: Local, offset: number) => Code,
      ): Code =>
        loopWhile(
          instruction("i32.ge_u", get(columns), constant(width)),
          ...vectors.map((sum) => set(sum, zeros())),
          set(row, get(matrix)),
          set(at, get(weights)),
          set(rest, get(rows)),
          loopWhile(
            get(rest),
            set(weight, load("v128.load32_splat", get(at))),
            ...vectors.map((sum, i) =>
              set(sum, multiplyAdd(fused, get(weight), load(read, get(row), 16 * i), get(sum)))
            ),
            advance(row, get(stride)),
            advance(at, constant(4)),
            advance(rest, constant(-1)),
          ),
          ...vectors.map((sum, i) => write(sum, 16 * i)),
          advance(matrix, constant(4 * width)),
          advance(y, constant(4 * width)),
          advance(columns, constant(-width)),
        );
      const writeFour = (sum: Local, offset: number): Code =>
        store("v128.store", get(y), get(sum), offset);
      return [
        block(4 * COLUMN_VECTORS, sums, "v128.load", writeFour),
        block(4, [sums[0]], "v128.load", writeFour),
        block(1, [sums[0]], "v128.load32_zero", (sum) => storeFirst(get(y), get(sum))),
      ];
    },
  );
}

/** See {@linkcode MatvecExports.softmax}. */
function softmaxFunction(): WasmFunction {
  return vectorFunction("softmax", i32s(2), (code, [x, count]) => {
    const larger = (one: Code, other: Code): Code => instruction("f32x4.pmax", one, other);
    const highest = code.local("v128");
    code.emit(set(highest, code.number(-Infinity)));
    overElements(code, get(count), [get(x)], ({ load }) => {
      code.emit(set(highest, larger(get(highest), load(0))));
    });
    const maximum = acrossLanes(code, get(highest), larger);
    const sum = sumOver(code, get(count), [get(x)], ({ load, store }) => {
      const weight = code.keep(exponential(code, subtract(load(0), maximum)));
      store(0, weight);
      return weight;
    });
    const inverse = code.keep(divide(code.number(1), sum));
    overElements(code, get(count), [get(x)], ({ load, store }) => {
      store(0, multiply(load(0), inverse));
    });
  });
}
