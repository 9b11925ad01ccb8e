/**
 * The WebAssembly code that packs matrices into panels. A panel holds a few lanes (rows of A or columns of B), step by step along k.
 *
 * A last, partial panel repeats its last lane, so that a tile is always full.
 *
 * @module
 */

import { range } from "./range.ts";
import {
  advance,
  branch,
  type Code,
  constant,
  defineFunction,
  get,
  i32s,
  instruction,
  lanes as constantLanes,
  load,
  type Local,
  loopWhile,
  minimum,
  set,
  shuffle,
  store,
  storeLane,
  type WasmFunction,
} from "./wasm_module.ts";

/** How elements lie in memory, and how they come out as floats. */
export interface PackFormat {
  /** Of one element. */
  readonly bytes: 1 | 2 | 4;
  /** Four elements that lie side by side. */
  loadFour(address: Code, offset: number): Code;
  /** Copies one element, as a float; offsets count bytes. */
  copyOne(target: Code, targetOffset: number, source: Code, sourceOffset: number): Code;
}

/** Floats. */
export const FLOATS: PackFormat = {
  bytes: 4,
  loadFour: (address, offset) => load("v128.load", address, offset),
  copyOne: (target, targetOffset, source, sourceOffset) =>
    store("f32.store", target, load("f32.load", source, sourceOffset), targetOffset),
};

/** Finite halves. */
export const HALVES: PackFormat = {
  bytes: 2,
  loadFour: (address, offset) => floatsOf(load("v128.load16x4_s", address, offset)),
  copyOne(target, targetOffset, source, sourceOffset) {
    const half = load("v128.load16_splat", source, sourceOffset);
    const float = floatsOf(instruction("i32x4.extend_low_i16x8_s", half));
    return storeLane(0, target, float, targetOffset);
  },
};

/** Whole numbers of a byte each, not yet multiplied by their scales. */
export const BYTES: PackFormat = {
  bytes: 1,
  loadFour: (address, offset) =>
    instruction(
      "f32x4.convert_i32x4_s",
      instruction(
        "i32x4.extend_low_i16x8_s",
        instruction("i16x8.extend_low_i8x16_s", load("v128.load32_zero", address, offset)),
      ),
    ),
  copyOne(target, targetOffset, source, sourceOffset) {
    const byte = load("i32.load8_s", source, sourceOffset);
    return store("f32.store", target, instruction("f32.convert_i32_s", byte), targetOffset);
  },
};

/** The bits of sign, exponent and mantissa that a half's become in a float. */
const HALF_FIELDS = 0x8fffe000;
/** 2¹¹² as a float. */
const HALF_SCALE = (127 + 112) << 23;

/** The constants of {@linkcode floatsOf}, in all lanes: where they are used in a loop, a local each is faster than writing them out. */
export const halfConstants: readonly [Code, Code] = [
  constantLanes(new Uint32Array(4).fill(HALF_FIELDS)),
  constantLanes(new Uint32Array(4).fill(HALF_SCALE)),
];

/**
 * Four halves, each extended by its sign to 32 bits, as floats: the fields of a half, shifted to those of a float, are a float 2¹¹² times too small, for
 * subnormal halves too.
 */
export function floatsOf(
  extended: Code,
  [fields, scale]: readonly [Code, Code] = halfConstants,
): Code {
  const shifted = instruction("i32x4.shl", extended, constant(13));
  return instruction("f32x4.mul", instruction("v128.and", shifted, fields), scale);
}

/** Steps that all panels get before the next ones, where lanes lie side by side: a cache line then serves all the panels that it has lanes of. */
const STEPS_AT_ONCE = 16;

/**
 * NAME(target, source, lanes, steps, laneStride, stepStride, panelBytes): `width` lanes a panel, `panelBytes` from one panel to the next; by vectors where
 * lanes or steps lie side by side, else element by element.
 */
export function packFunction(name: string, width: number, format: PackFormat): WasmFunction {
  const { bytes, copyOne } = format;
  return defineFunction(
    name,
    i32s(7),
    ([firstPanel, source, allLanes, steps, laneStride, stepStride, panelBytes], local) => {
      const pointers = range(width).map(() => local("i32"));
      const [panel, lane, lanes, depth, limit, target, rest, count] = range(8).map(() =>
        local("i32")
      );
      const panelStep = 4 * width;
      const sideBySide = instruction(
        "i32.and",
        instruction("i32.eq", get(laneStride), constant(bytes)),
        instruction("i32.eq", get(count), constant(width)),
      );
      const copyStep = [
        ...copyLanes(target, pointers[0], width, format),
        advance(pointers[0], get(stepStride)),
        advance(target, constant(panelStep)),
        advance(rest, constant(-1)),
      ];
      const fourSteps = [
        ...transposeLanes(target, pointers, range(4).map(() => local("v128")), format),
        ...pointers.map((pointer) => advance(pointer, constant(4 * bytes))),
        advance(target, constant(4 * panelStep)),
        advance(rest, constant(-4)),
      ];
      const oneStep = [
        ...pointers.map((pointer, lane) => copyOne(get(target), 4 * lane, get(pointer), 0)),
        ...pointers.map((pointer) => advance(pointer, get(stepStride))),
        advance(target, constant(panelStep)),
        advance(rest, constant(-1)),
      ];
      const onePanel = [
        set(count, minimum(get(lanes), constant(width))),
        set(rest, get(depth)),
        set(target, get(panel)),
        set(pointers[0], get(lane)),
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
          branch(instruction("i32.eq", get(stepStride), constant(bytes)), [
            loopWhile(instruction("i32.ge_u", get(rest), constant(4)), ...fourSteps),
          ]),
          loopWhile(get(rest), ...oneStep),
        ]),
        advance(lane, instruction("i32.mul", get(laneStride), constant(width))),
        advance(panel, get(panelBytes)),
        set(lanes, instruction("i32.sub", get(lanes), get(count))),
      ];
      return [
        set(
          limit,
          instruction(
            "select",
            constant(STEPS_AT_ONCE),
            get(steps),
            instruction("i32.eq", get(laneStride), constant(bytes)),
          ),
        ),
        loopWhile(
          get(steps),
          set(depth, minimum(get(steps), get(limit))),
          set(lanes, get(allLanes)),
          set(lane, get(source)),
          set(panel, get(firstPanel)),
          loopWhile(get(lanes), ...onePanel),
          advance(source, instruction("i32.mul", get(stepStride), get(depth))),
          advance(firstPanel, instruction("i32.mul", get(depth), constant(panelStep))),
          set(steps, instruction("i32.sub", get(steps), get(depth))),
        ),
      ];
    },
  );
}

/** One step of a panel from lanes that lie side by side. */
function copyLanes(
  target: Local,
  source: Local,
  width: number,
  { bytes, loadFour, copyOne }: PackFormat,
): Code[] {
  const quads = range(Math.floor(width / 4)).map((quad) =>
    store("v128.store", get(target), loadFour(get(source), 4 * bytes * quad), 16 * quad)
  );
  const others = range(width % 4).map((i) => {
    const lane = 4 * quads.length + i;
    return copyOne(get(target), 4 * lane, get(source), bytes * lane);
  });
  return [...quads, ...others];
}

/** Four steps of a panel from lanes of which each has its steps side by side: transposes of 4 × 4; lanes beyond those go one by one. */
function transposeLanes(
  target: Local,
  pointers: readonly Local[],
  rows: readonly Local[],
  { loadFour }: PackFormat,
): Code[] {
  const panelStep = 4 * pointers.length;
  const interleaveLow = (x: number): Code => shuffle(get(rows[x]), get(rows[x + 1]), [0, 4, 1, 5]);
  const interleaveHigh = (x: number): Code => shuffle(get(rows[x]), get(rows[x + 1]), [2, 6, 3, 7]);
  const code: Code[] = [];
  for (let lane = 0; lane + 4 <= pointers.length; lane += 4) {
    code.push(...rows.map((row, i) => set(row, loadFour(get(pointers[lane + i]), 0))));
    [interleaveLow, interleaveHigh].forEach((interleave, half) => {
      const first = 4 * lane + 2 * half * panelStep;
      const low = shuffle(interleave(0), interleave(2), [0, 1, 4, 5]);
      const high = shuffle(interleave(0), interleave(2), [2, 3, 6, 7]);
      code.push(store("v128.store", get(target), low, first));
      code.push(store("v128.store", get(target), high, first + panelStep));
    });
  }
  for (let lane = pointers.length - pointers.length % 4; lane < pointers.length; lane++) {
    code.push(set(rows[0], loadFour(get(pointers[lane]), 0)));
    for (const step of [0, 1, 2, 3] as const) {
      code.push(storeLane(step, get(target), get(rows[0]), 4 * lane + step * panelStep));
    }
  }
  return code;
}
