/**
 * The WebAssembly module of the matrix product: packing into panels, and a product of packed panels tile by tile.
 *
 * @module
 */

import { BYTES, FLOATS, HALVES, packFunction } from "./gemm_pack.ts";
import { createTile, type MultiplyAdd, TILE_COLUMNS, TILE_ROWS } from "./gemm_tile.ts";
import { range } from "./range.ts";
import {
  advance,
  branch,
  call,
  type Code,
  constant,
  defineFunction,
  encodeModule,
  get,
  i32s,
  instruction,
  load,
  loopWhile,
  minimum,
  set,
  store,
  type WasmFunction,
} from "./wasm_module.ts";

/** Panels of B that a panel of A meets while it is in the first cache: two make C's columns a whole cache line. */
const GROUP_PANELS = 2;
const GROUP_COLUMNS = GROUP_PANELS * TILE_COLUMNS;

/** Bytes of the tile that partial tiles are computed in. */
export const SPILL_BYTES = 4 * TILE_ROWS * TILE_COLUMNS;

/** What the module exports. Addresses and strides count bytes. */
export interface GemmExports {
  /** Packs `lanes` rows of A over `steps` of k; `panelBytes` lead from one panel to the next. */
  packRows: Pack;
  /** Packs `lanes` columns of B over `steps` of k. */
  packColumns: Pack;
  /** Likewise of halves, as floats. */
  packHalfColumns: Pack;
  /** Likewise of bytes. */
  packByteColumns: Pack;
  /** Multiplies `steps` steps of `panels` panels of B by a factor. */
  scalePanels: Scale;
  /** Likewise each column by its own factor, read at an address; also of those that fill up the last panel. */
  scaleColumns: Scale;
  /** Likewise each step. */
  scaleSteps: Scale;
  /** C[rows, columns] = alpha · (packed A) · (packed B), plus what lies at `source` where `adds` is 1. */
  multiply(
    a: number,
    b: number,
    bPanelBytes: number,
    c: number,
    cStride: number,
    source: number,
    sourceStride: number,
    rows: number,
    columns: number,
    steps: number,
    alpha: number,
    adds: number,
    spill: number,
  ): void;
}

type Pack = (
  target: number,
  source: number,
  lanes: number,
  steps: number,
  laneStride: number,
  stepStride: number,
  panelBytes: number,
) => void;

type Scale = (
  panel: number,
  panels: number,
  steps: number,
  panelBytes: number,
  factor: number,
) => void;

/** Bytes of the module. */
export function gemmModule(multiplyAdd: MultiplyAdd): Uint8Array<ArrayBuffer> {
  return encodeModule([
    edgeFunction(),
    multiplyFunction(multiplyAdd),
    packFunction("packRows", TILE_ROWS, FLOATS),
    packFunction("packColumns", TILE_COLUMNS, FLOATS),
    packFunction("packHalfColumns", TILE_COLUMNS, HALVES),
    packFunction("packByteColumns", TILE_COLUMNS, BYTES),
    scaleFunction("scalePanels"),
    scaleFunction("scaleColumns"),
    scaleFunction("scaleSteps"),
  ]);
}

const EDGE = 0;

/** edge(target, tile, source, rows, columns, targetStride, sourceStride, adds): a part of a tile, element by element, plus what lies at `source`. */
function edgeFunction(): WasmFunction {
  return defineFunction(
    "edge",
    i32s(8),
    ([target, tile, source, rows, columns, targetStride, sourceStride, adds], local) => {
      const offset = local("i32");
      const bytes = local("i32");
      const at = (address: typeof target): Code =>
        instruction("i32.add", get(address), get(offset));
      const value = load("f32.load", at(tile));
      return [
        set(bytes, instruction("i32.mul", get(columns), constant(4))),
        loopWhile(
          get(rows),
          set(offset, constant(0)),
          loopWhile(
            instruction("i32.lt_u", get(offset), get(bytes)),
            branch(
              get(adds),
              [store(
                "f32.store",
                at(target),
                instruction("f32.add", load("f32.load", at(source)), value),
              )],
              [store("f32.store", at(target), value)],
            ),
            advance(offset, constant(4)),
          ),
          advance(target, get(targetStride)),
          advance(tile, constant(4 * TILE_COLUMNS)),
          advance(source, get(sourceStride)),
          advance(rows, constant(-1)),
        ),
      ];
    },
  );
}

/** See {@linkcode GemmExports.multiply}: B's panel stays in the first cache while A's panels pass by. */
function multiplyFunction(multiplyAdd: MultiplyAdd): WasmFunction {
  return defineFunction(
    "multiply",
    [...i32s(10), "f32", ...i32s(2)],
    (
      [
        a,
        b,
        bPanelBytes,
        c,
        cStride,
        source,
        sourceStride,
        rows,
        columns,
        steps,
        alpha,
        adds,
        spill,
      ],
      local,
    ) => {
      const i32 = () => local("i32");
      const [aRow, aPanel, bTile, bPanel, rest, row, height, width] = range(8).map(i32);
      const [column, inGroup, cRow, sourceRow, cTile, sourceTile] = range(6).map(i32);
      const [target, addend, whole, stride, addsNow] = range(5).map(i32);
      const scale = local("v128");
      const tile = createTile(multiplyAdd, local);
      const tileStride = constant(4 * TILE_COLUMNS);
      const oneTile = [
        set(width, minimum(get(column), constant(TILE_COLUMNS))),
        set(
          whole,
          instruction(
            "i32.eq",
            instruction("i32.mul", get(height), get(width)),
            constant(TILE_ROWS * TILE_COLUMNS),
          ),
        ),
        set(aPanel, get(aRow)),
        set(bPanel, get(bTile)),
        set(rest, get(steps)),
        ...tile.multiply(aPanel, bPanel, rest),
        set(target, instruction("select", get(cTile), get(spill), get(whole))),
        set(stride, instruction("select", get(cStride), tileStride, get(whole))),
        set(addend, get(sourceTile)),
        set(addsNow, instruction("i32.and", get(adds), get(whole))),
        ...tile.write({
          c: target,
          cStride: stride,
          source: addend,
          sourceStride,
          adds: addsNow,
          alpha: scale,
        }),
        branch(instruction("i32.eqz", get(whole)), [
          call(
            EDGE,
            ...[cTile, spill, sourceTile, height, width, cStride, sourceStride, adds].map(get),
          ),
        ]),
        advance(bTile, get(bPanelBytes)),
        advance(cTile, tileStride),
        advance(sourceTile, tileStride),
        set(column, instruction("i32.sub", get(column), get(width))),
      ];
      return [
        set(scale, instruction("f32x4.splat", get(alpha))),
        loopWhile(
          get(columns),
          set(inGroup, minimum(get(columns), constant(GROUP_COLUMNS))),
          set(aRow, get(a)),
          set(cRow, get(c)),
          set(sourceRow, get(source)),
          set(row, get(rows)),
          loopWhile(
            get(row),
            set(height, minimum(get(row), constant(TILE_ROWS))),
            set(column, get(inGroup)),
            set(bTile, get(b)),
            set(cTile, get(cRow)),
            set(sourceTile, get(sourceRow)),
            loopWhile(get(column), ...oneTile),
            advance(aRow, instruction("i32.mul", get(steps), constant(4 * TILE_ROWS))),
            advance(cRow, instruction("i32.mul", get(cStride), constant(TILE_ROWS))),
            advance(sourceRow, instruction("i32.mul", get(sourceStride), constant(TILE_ROWS))),
            set(row, instruction("i32.sub", get(row), get(height))),
          ),
          advance(b, instruction("i32.mul", get(bPanelBytes), constant(GROUP_PANELS))),
          advance(c, constant(4 * GROUP_COLUMNS)),
          advance(source, constant(4 * GROUP_COLUMNS)),
          set(columns, instruction("i32.sub", get(columns), get(inGroup))),
        ),
      ];
    },
  );
}

/** See {@linkcode GemmExports.scalePanels} and those after it. */
function scaleFunction(name: "scalePanels" | "scaleColumns" | "scaleSteps"): WasmFunction {
  return defineFunction(
    name,
    [...i32s(4), name === "scalePanels" ? "f32" : "i32"],
    ([panel, panels, steps, panelBytes, factor], local) => {
      const at = local("i32");
      const rest = local("i32");
      const scale = local("i32");
      const ways = {
        scalePanels: { four: () => instruction("f32x4.splat", get(factor)) },
        scaleColumns: {
          four: (offset: number) => load("v128.load", get(factor), offset),
          perPanel: [advance(factor, constant(4 * TILE_COLUMNS))],
        },
        scaleSteps: {
          start: [set(scale, get(factor))],
          four: () => load("v128.load32_splat", get(scale)),
          perStep: [advance(scale, constant(4))],
        },
      };
      const { start = [], four, perStep = [], perPanel = [] }: ScaleCode = ways[name];
      return [
        loopWhile(
          get(panels),
          set(at, get(panel)),
          set(rest, get(steps)),
          ...start,
          loopWhile(
            get(rest),
            ...[0, 16].map((offset) =>
              store(
                "v128.store",
                get(at),
                instruction("f32x4.mul", load("v128.load", get(at), offset), four(offset)),
                offset,
              )
            ),
            ...perStep,
            advance(at, constant(4 * TILE_COLUMNS)),
            advance(rest, constant(-1)),
          ),
          ...perPanel,
          advance(panel, get(panelBytes)),
          advance(panels, constant(-1)),
        ),
      ];
    },
  );
}

/** Four factors of a step, and what is done before a panel, after a step and after a panel. */
interface ScaleCode {
  readonly start?: readonly Code[];
  four(offset: number): Code;
  readonly perStep?: readonly Code[];
  readonly perPanel?: readonly Code[];
}
