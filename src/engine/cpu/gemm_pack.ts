/**
 * The WebAssembly code that packs matrices into panels. A panel holds a few lanes (rows of A or columns of B), step by step along k.
 *
 * A last, partial panel repeats its last lane, so that a tile is always full.
 *
 * @module
 */

import {
  advance,
  branch,
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
  storeLane,
  type WasmFunction,
} from "./wasm_module.ts";

/** Steps that all panels get before the next ones, where lanes lie side by side: a cache line then serves all the panels that it has lanes of. */
const STEPS_AT_ONCE = 16;

/**
 * NAME(target, source, lanes, steps, laneStride, stepStride, panelBytes): `width` lanes a panel, `panelBytes` from one panel to the next; by vectors where
 * lanes or steps lie side by side, else element by element.
 */
export function packFunction(name: string, width: number): WasmFunction {
  return defineFunction(
    name,
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    ([firstPanel, source, allLanes, steps, laneStride, stepStride, panelBytes], local) => {
      const pointers = range(width).map(() => local("i32"));
      const [panel, lane, lanes, depth, limit, target, rest, count] = range(8).map(() =>
        local("i32")
      );
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
          branch(instruction("i32.eq", get(stepStride), constant(4)), [
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
            instruction("i32.eq", get(laneStride), constant(4)),
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
function copyLanes(target: Local, source: Local, width: number): Code[] {
  const quads = range(Math.floor(width / 4)).map((quad) =>
    store("v128.store", get(target), load("v128.load", get(source), 16 * quad), 16 * quad)
  );
  const others = range(width % 4).map((i) => {
    const offset = 16 * quads.length + 4 * i;
    return store("f32.store", get(target), load("f32.load", get(source), offset), offset);
  });
  return [...quads, ...others];
}

/** Four steps of a panel from lanes of which each has its steps side by side: transposes of 4 × 4; lanes beyond those go one by one. */
function transposeLanes(target: Local, pointers: readonly Local[], rows: readonly Local[]): Code[] {
  const panelStep = 4 * pointers.length;
  const interleaveLow = (x: number): Code => shuffle(get(rows[x]), get(rows[x + 1]), [0, 4, 1, 5]);
  const interleaveHigh = (x: number): Code => shuffle(get(rows[x]), get(rows[x + 1]), [2, 6, 3, 7]);
  const code: Code[] = [];
  for (let lane = 0; lane + 4 <= pointers.length; lane += 4) {
    code.push(...rows.map((row, i) => set(row, load("v128.load", get(pointers[lane + i])))));
    [interleaveLow, interleaveHigh].forEach((interleave, half) => {
      const first = 4 * lane + 2 * half * panelStep;
      const low = shuffle(interleave(0), interleave(2), [0, 1, 4, 5]);
      const high = shuffle(interleave(0), interleave(2), [2, 3, 6, 7]);
      code.push(store("v128.store", get(target), low, first));
      code.push(store("v128.store", get(target), high, first + panelStep));
    });
  }
  for (let lane = pointers.length - pointers.length % 4; lane < pointers.length; lane++) {
    code.push(set(rows[0], load("v128.load", get(pointers[lane]))));
    for (const step of [0, 1, 2, 3] as const) {
      code.push(storeLane(step, get(target), get(rows[0]), 4 * lane + step * panelStep));
    }
  }
  return code;
}

function minimum(x: Code, y: Code): Code {
  return instruction("select", x, y, instruction("i32.lt_u", x, y));
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
