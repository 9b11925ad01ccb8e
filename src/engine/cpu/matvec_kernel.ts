/**
 * The WebAssembly module of products with one vector. Four rows of the matrix at a time share the vector's elements, with two sums a row, so that neither
 * the accesses nor the chains of additions are slower than the memory.
 *
 * @module
 */

import { BYTES, FLOATS, floatsOf, halfConstants, HALVES } from "./gemm_pack.ts";
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
  /** Vectors that its code reads from locals. */
  readonly constants: readonly Code[];
  /** Reads the eight elements at `pointer` + `offset` bytes, by way of a spare local: the code that does it, and the two vectors. */
  eight(pointer: Local, offset: number, spare: Local, constants: readonly Local[]): {
    readonly before: Code;
    readonly vectors: readonly [Code, Code];
  };
  /** One element in the first lane; what the others hold is finite. */
  one(pointer: Local): Code;
}

const floatRows: RowFormat = {
  bytes: FLOATS.bytes,
  scaled: false,
  constants: [],
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
  constants: halfConstants,
  eight: (pointer, offset, spare, [fields, scale]) => ({
    before: set(spare, load("v128.load", get(pointer), offset)),
    vectors: [
      floatsOf(instruction("i32x4.extend_low_i16x8_s", get(spare)), [get(fields), get(scale)]),
      floatsOf(instruction("i32x4.extend_high_i16x8_s", get(spare)), [get(fields), get(scale)]),
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
  constants: [],
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
 * See {@linkcode MatvecExports.dotFloats}. The rows are cut in four runs that are walked side by side, so that the memory sees four long streams: rows that
 * lie next to each other would start four short ones over and over. What is left, fewer than four rows, is joined by its last row again, so that a row gets
 * the same arithmetic wherever it stands.
 */
function dotFunction(name: string, format: RowFormat, fused: boolean): WasmFunction {
  return defineFunction(
    name,
    [...i32s(9), "f32"],
    ([y, matrix, stride, scales, vector, addend, rows, columns, adds, factor], local) => {
      const [height, run, left, rest, x, gap, apart] = range(7).map(() => local("i32"));
      const pointers = range(ROWS).map(() => local("i32"));
      const places = range(3).map(() => local("i32"));
      const sums = range(ROWS).map(() => range(2).map(() => local("v128")));
      const elements = [local("v128"), local("v128")];
      const [spare, total, alpha] = range(3).map(() => local("v128"));
      const constants = format.constants.map(() => local("v128"));

      const step = (number: number): Code[] => [
        ...elements.map((element, half) =>
          set(element, load("v128.load", get(x), 4 * STEP * number + 16 * half))
        ),
        ...pointers.flatMap((pointer, row) => {
          const offset = format.bytes * STEP * number;
          const { before, vectors } = format.eight(pointer, offset, spare, constants);
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
      /** Writes a row's result, a run's length behind the row before it. */
      const write = (added: boolean): Code[] => {
        const [target, scale, source] = places;
        const read = (pointer: Local): Code => load("v128.load32_splat", get(pointer));
        const scaled = format.scaled ? multiply(get(total), read(scale)) : get(total);
        const value = added ? add(scaled, read(source)) : scaled;
        return [
          ...[y, scales, addend].map((pointer, i) => set(places[i], get(pointer))),
          ...([0, 1, 2, 3] as const).map((row) =>
            branch(instruction("i32.gt_u", get(height), constant(row)), [
              storeLane(row, get(target), value),
              ...places.map((place) => advance(place, get(apart))),
            ])
          ),
        ];
      };

      return [
        set(alpha, instruction("f32x4.splat", get(factor))),
        ...format.constants.map((value, i) => set(constants[i], value)),
        set(
          gap,
          instruction(
            "i32.sub",
            get(stride),
            instruction("i32.mul", get(columns), constant(format.bytes)),
          ),
        ),
        loopWhile(
          get(rows),
          set(height, minimum(get(rows), constant(ROWS))),
          set(run, instruction("i32.shr_u", get(rows), constant(2))),
          set(run, instruction("select", get(run), constant(1), get(run))),
          set(apart, instruction("i32.mul", get(run), constant(4))),
          set(pointers[0], get(matrix)),
          ...range(ROWS - 1).map((row) =>
            set(
              pointers[row + 1],
              instruction(
                "select",
                instruction(
                  "i32.add",
                  get(pointers[row]),
                  instruction("i32.mul", get(stride), get(run)),
                ),
                get(pointers[row]),
                instruction("i32.gt_u", get(height), constant(row + 1)),
              ),
            )
          ),
          set(left, get(run)),
          loopWhile(
            get(left),
            set(rest, get(columns)),
            set(x, get(vector)),
            ...sums.flat().map((sum) => set(sum, zeros())),
            repeat(STEP * UNROLLED, range(UNROLLED).flatMap(step)),
            repeat(STEP, step(0)),
            ...sums.map(([first, second]) => set(first, add(get(first), get(second)))),
            repeat(1, one),
            set(total, multiply(addUp(), get(alpha))),
            branch(get(adds), write(true), write(false)),
            ...pointers.map((pointer) => advance(pointer, get(gap))),
            ...[y, scales, addend].map((pointer) => advance(pointer, constant(4))),
            advance(left, constant(-1)),
          ),
          // To what is left: the first run is behind already.
          set(left, instruction("i32.mul", get(height), get(run))),
          advance(matrix, instruction("i32.mul", get(stride), get(left))),
          ...[y, scales, addend].map((pointer) =>
            advance(
              pointer,
              instruction("i32.mul", instruction("i32.sub", get(left), get(run)), constant(4)),
            )
          ),
          set(rows, instruction("i32.sub", get(rows), get(left))),
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
