/** Vector code of an optimizer step: AdamW with the sensitivity EMA, and sums of squares for clipping. @module */

import { SLOT_SETTINGS, STEP_SETTINGS } from "../ops/step_settings.ts";
import {
  acrossLanes,
  add,
  divide,
  inLanes,
  type Lanes,
  multiply,
  subtract,
  type VectorCode,
  vectorFunction,
} from "./vector_code.ts";
import {
  advance,
  type Code,
  constant,
  get,
  i32s,
  instruction,
  load,
  type Local,
  set,
  shuffle,
  store,
  storeFirst,
  storeHalf,
  type WasmFunction,
  zeros,
} from "./wasm_module.ts";

/** What the slots of some elements say, an element a lane. */
interface SlotSettings {
  readonly rate: Code;
  readonly decay: Code;
  /** All bits of a lane set or none. */
  readonly trained: Code;
  /** Adam's bias corrections. */
  readonly first: Code;
  readonly second: Code;
}

/** Four elements at once, or one. */
interface Elements {
  load(address: Local): Code;
  store(address: Local, value: Code): Code;
  /** Two numbers an element. */
  loadPair(address: Local): readonly [Code, Code];
  storePair(address: Local, first: Code, second: Code): Code;
  slots(slots: Local, settings: Local): SlotSettings;
  /** Clears the lanes that stand for no element. */
  only(value: Code): Code;
}

/** Four elements. Their slots differ in an adapter's B, so each lane's settings are read from its own slot and put side by side. */
function fourElements(code: VectorCode, lanes: Lanes): Elements {
  const entries = [0, 1, 2, 3].map(() => code.local("i32"));
  return {
    load: (address) => code.keep(lanes.load(address)),
    store: lanes.store,
    loadPair(address) {
      const low = code.keep(load("v128.load", get(address)));
      const high = code.keep(load("v128.load", get(address), 16));
      return [
        code.keep(shuffle(low, high, [0, 2, 4, 6])),
        code.keep(shuffle(low, high, [1, 3, 5, 7])),
      ];
    },
    storePair: (address, first, second) => [
      ...store("v128.store", get(address), shuffle(first, second, [0, 4, 1, 5])),
      ...store("v128.store", get(address), shuffle(first, second, [2, 6, 3, 7]), 16),
    ],
    slots(slots, settings) {
      entries.forEach((entry, lane) => code.emit(set(entry, slotAddress(slots, lane, settings))));
      const heads = entries.map((entry) => code.keep(load("v128.load", get(entry))));
      const tails = entries.map((entry) => load("v128.load32_splat", get(entry), 16));
      const low = [0, 2].map((i) => code.keep(shuffle(heads[i], heads[i + 1], [0, 4, 1, 5])));
      const high = [0, 2].map((i) => code.keep(shuffle(heads[i], heads[i + 1], [2, 6, 3, 7])));
      const last = [0, 2].map((i) => shuffle(tails[i], tails[i + 1], [0, 4, 0, 4]));
      return {
        rate: code.keep(shuffle(low[0], low[1], [0, 1, 4, 5])),
        decay: code.keep(shuffle(low[0], low[1], [2, 3, 6, 7])),
        trained: code.keep(isNot0(shuffle(high[0], high[1], [0, 1, 4, 5]))),
        first: code.keep(shuffle(high[0], high[1], [2, 3, 6, 7])),
        second: code.keep(shuffle(last[0], last[1], [0, 1, 4, 5])),
      };
    },
    only: (value) => value,
  };
}

/** One element, in all lanes, so that it gets exactly the arithmetic of the others. */
function oneElement(code: VectorCode, lanes: Lanes): Elements {
  const entry = code.local("i32");
  const splat = (address: Local, offset = 0): Code =>
    code.keep(load("v128.load32_splat", get(address), offset));
  return {
    load: splat,
    store: lanes.store,
    loadPair: (address) => [splat(address), splat(address, 4)],
    storePair: (address, first, second) =>
      storeHalf(0, get(address), shuffle(first, second, [0, 4, 0, 4])),
    slots(slots, settings) {
      code.emit(set(entry, slotAddress(slots, 0, settings)));
      const [rate, decay, trained, first, second] = [0, 4, 8, 12, 16].map((offset) =>
        splat(entry, offset)
      );
      return { rate, decay, trained: code.keep(isNot0(trained)), first, second };
    },
    only: (value) => shuffle(value, zeros(), [0, 4, 4, 4]),
  };
}

/** Address of the settings of the slot that stands `lane` words after `slots`. */
function slotAddress(slots: Local, lane: number, settings: Local): Code {
  const bytes = instruction(
    "i32.mul",
    load("i32.load", get(slots), 4 * lane),
    constant(4 * SLOT_SETTINGS),
  );
  return instruction(
    "i32.add",
    instruction("i32.add", bytes, get(settings)),
    constant(4 * STEP_SETTINGS),
  );
}

const isNot0 = (value: Code): Code => instruction("i32x4.ne", value, zeros());

/** Walks over `count` elements; pointers advance by their own bytes an element. */
function overSlotted(
  code: VectorCode,
  count: Local,
  pointers: readonly (readonly [Local, number])[],
  body: (elements: Elements) => void,
): void {
  inLanes(code, count, (lanes) => {
    const elements = lanes.width === 4 ? fourElements(code, lanes) : oneElement(code, lanes);
    body(elements);
    for (const [pointer, bytes] of pointers) {
      code.emit(advance(pointer, constant(bytes * lanes.width)));
    }
  });
}

/** squareSum(g, slots, settings, target, count): Σ g² over the elements whose slot is trained, into one element. */
export function squareSumFunction(): WasmFunction {
  return vectorFunction("squareSum", i32s(5), (code, [g, slots, settings, target, count]) => {
    const sum = code.local("v128");
    code.emit(set(sum, code.number(0)));
    overSlotted(code, count, [[g, 4], [slots, 4]], (elements) => {
      const { trained } = elements.slots(slots, settings);
      const value = elements.load(g);
      const square = instruction("v128.and", multiply(value, value), trained);
      code.emit(set(sum, add(get(sum), elements.only(square))));
    });
    code.emit(storeFirst(get(target), acrossLanes(code, get(sum), add)));
  });
}

/** adamw(g, data gradient, slots, settings, clip, w, moments, sensitivity, count), by the formulas of kernels/adamw.wgsl; `clip` is the address of the factor. */
export function adamwFunction(): WasmFunction {
  return vectorFunction(
    "adamw",
    i32s(9),
    (code, [g, dataGradient, slots, settings, clip, w, moments, sensitivity, count]) => {
      const { keep, number, bits } = code;
      const setting = (position: number): Code =>
        keep(load("v128.load32_splat", get(settings), 4 * position));
      const [factor, beta1, beta2, epsilon] = [0, 1, 2, 3].map(setting);
      const [meanBeta, deviationBeta] = [7, 8].map(setting);
      const complement = (beta: Code): Code => keep(subtract(number(1), beta));
      const [rest1, rest2] = [beta1, beta2].map(complement);
      const [meanRest, deviationRest] = [meanBeta, deviationBeta].map(complement);
      const clipFactor = keep(load("v128.load32_splat", get(clip)));
      const magnitude = (value: Code): Code => instruction("v128.and", value, bits(0x7fffffff));
      const pointers = [
        [g, 4],
        [dataGradient, 4],
        [slots, 4],
        [w, 4],
        [moments, 8],
        [sensitivity, 8],
      ] as const;
      overSlotted(code, count, pointers, (elements) => {
        const raw = elements.load(dataGradient), old = elements.load(w);
        const [mean, deviation] = elements.loadPair(sensitivity);
        const now = keep(magnitude(multiply(old, raw)));
        const newMean = keep(add(multiply(meanBeta, mean), multiply(meanRest, now)));
        const newDeviation = add(
          multiply(deviationBeta, deviation),
          multiply(deviationRest, magnitude(subtract(now, newMean))),
        );
        code.emit(elements.storePair(sensitivity, newMean, keep(newDeviation)));
        const slot = elements.slots(slots, settings);
        const [first, second] = elements.loadPair(moments);
        const gradient = keep(multiply(elements.load(g), clipFactor));
        const rate = keep(multiply(slot.rate, factor));
        const newFirst = keep(add(multiply(beta1, first), multiply(rest1, gradient)));
        const newSecond = keep(
          add(multiply(beta2, second), multiply(rest2, multiply(gradient, gradient))),
        );
        const root = add(
          instruction("f32x4.sqrt", divide(newSecond, slot.second)),
          epsilon,
        );
        const decayed = subtract(old, multiply(multiply(rate, slot.decay), old));
        const moved = subtract(
          decayed,
          divide(multiply(rate, divide(newFirst, slot.first)), root),
        );
        // What is not trained is chosen, not multiplied by 0: its corrections may be anything.
        const chosen = (value: Code, before: Code): Code =>
          keep(instruction("v128.bitselect", value, before, slot.trained));
        code.emit(elements.store(w, chosen(moved, old)));
        code.emit(
          elements.storePair(moments, chosen(newFirst, first), chosen(newSecond, second)),
        );
      });
    },
  );
}
