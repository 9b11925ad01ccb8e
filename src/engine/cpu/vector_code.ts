/**
 * Vector code over f32 elements, four at a time: expressions whose results are kept in locals, and a loop that treats every element alike, whether four
 * are left or one.
 *
 * @module
 */

import {
  advance,
  type Code,
  constant,
  defineFunction,
  get,
  instruction,
  lanes,
  load,
  type Local,
  loopWhile,
  set,
  shuffle,
  store,
  storeFirst,
  type ValueType,
  type WasmFunction,
} from "./wasm_module.ts";

/** A function under construction. */
export interface VectorCode {
  /** All lanes this f32 number. Constants are set once, before any loop. */
  number(value: number): Code;
  /** All lanes these 32 bits. */
  bits(word: number): Code;
  /** x·y + z, in one rounding where the function is fused. */
  multiplyAdd(x: Code, y: Code, z: Code): Code;
  /** Computes a vector here and now; what comes back reads the result, as often as it is needed. */
  keep(value: Code): Code;
  local(type: ValueType): Local;
  /** Appends an instruction. */
  emit(code: Code): void;
  /** Repeats what `body` appends while the condition is not zero. */
  repeat(condition: Code, body: () => void): void;
}

/** Builds a function without results; where it is `fused`, it needs a runtime with relaxed SIMD. */
export function vectorFunction(
  name: string,
  parameters: readonly ValueType[],
  build: (code: VectorCode, parameters: readonly Local[]) => void,
  fused = false,
): WasmFunction {
  return defineFunction(name, parameters, (given, local) => {
    const constants = new Map<number, Local>();
    let block: Code[] = [];
    const emit = (code: Code): void => void block.push(code);
    const bits = (word: number): Code => {
      const known = constants.get(word) ?? local("v128");
      constants.set(word, known);
      return get(known);
    };
    build({
      number: (value) => bits(new Uint32Array(Float32Array.of(value).buffer)[0]),
      bits,
      multiplyAdd: (x, y, z) => multiplyAdd(fused, x, y, z),
      keep(value) {
        const result = local("v128");
        emit(set(result, value));
        return get(result);
      },
      local,
      emit,
      repeat(condition, body) {
        const outer = block;
        block = [];
        body();
        outer.push(loopWhile(condition, ...block));
        block = outer;
      },
    }, given);
    const prologue = [...constants].map(([word, known]) =>
      set(known, lanes(new Uint32Array(4).fill(word)))
    );
    return [...prologue, ...block];
  });
}

/** How four elements at once, or one, are read and written. */
export interface Lanes {
  readonly width: number;
  load(address: Local): Code;
  store(address: Local, value: Code): Code;
}

const fourLanes: Lanes = {
  width: 4,
  load: (address) => load("v128.load", get(address)),
  store: (address, value) => store("v128.store", get(address), value),
};
/** All four lanes hold the one element, so that it gets exactly the arithmetic of the others. */
const oneLane: Lanes = {
  width: 1,
  load: (address) => load("v128.load32_splat", get(address)),
  store: (address, value) => storeFirst(get(address), value),
};

/** Repeats a pass over four elements at a time, then over one, which each takes its width off `count`, until that is 0. Nothing outside is read. */
export function inLanes(code: VectorCode, count: Local, pass: (lanes: Lanes) => void): void {
  const repeated = (lanes: Lanes) => () => {
    pass(lanes);
    code.emit(advance(count, constant(-lanes.width)));
  };
  code.repeat(instruction("i32.ge_u", get(count), constant(4)), repeated(fourLanes));
  code.repeat(get(count), repeated(oneLane));
}

/** The elements that one pass of {@linkcode overElements} is about. */
export interface Elements {
  /** The elements at a pointer. */
  load(pointer: number): Code;
  store(pointer: number, value: Code): void;
  /** The value with lanes cleared that stand for no element: what a sum may take. */
  only(value: Code): Code;
}

/**
 * Walks over `count` elements at several addresses, by {@linkcode inLanes}.
 */
export function overElements(
  code: VectorCode,
  count: Code,
  addresses: readonly Code[],
  body: (elements: Elements) => void,
): void {
  const rest = code.local("i32");
  code.emit(set(rest, count));
  const pointers = addresses.map((address) => {
    const pointer = code.local("i32");
    code.emit(set(pointer, address));
    return pointer;
  });
  const first = lanes(Uint32Array.of(0xffffffff, 0, 0, 0));
  inLanes(code, rest, ({ width, load, store }) => {
    body({
      load: (pointer) => code.keep(load(pointers[pointer])),
      store: (pointer, value) => code.emit(store(pointers[pointer], value)),
      only: (value) => width === 4 ? value : instruction("v128.and", value, first),
    });
    for (const pointer of pointers) code.emit(advance(pointer, constant(4 * width)));
  });
}

/** Repeats `body` a row at a time; `advances` are pointers and the bytes they move by after each. */
export function overRows(
  code: VectorCode,
  rows: Local,
  advances: readonly (readonly [Local, Code])[],
  body: () => void,
): void {
  code.repeat(get(rows), () => {
    body();
    for (const [pointer, bytes] of advances) code.emit(advance(pointer, bytes));
    code.emit(advance(rows, constant(-1)));
  });
}

/** The sum over `count` elements of what `term` gives, in all lanes: four interleaved sums in order, then those. */
export function sumOver(
  code: VectorCode,
  count: Code,
  addresses: readonly Code[],
  term: (elements: Elements) => Code,
): Code {
  const sum = code.local("v128");
  code.emit(set(sum, code.number(0)));
  overElements(code, count, addresses, (elements) => {
    code.emit(set(sum, add(get(sum), elements.only(term(elements)))));
  });
  return acrossLanes(code, get(sum), add);
}

/** Combines the four lanes of a vector, into all lanes. */
export function acrossLanes(
  code: VectorCode,
  vector: Code,
  combine: (x: Code, y: Code) => Code,
): Code {
  const pairs = code.keep(combine(vector, shuffle(vector, vector, [2, 3, 0, 1])));
  return code.keep(combine(pairs, shuffle(pairs, pairs, [1, 0, 3, 2])));
}

/** x + y. */
export function add(x: Code, y: Code): Code {
  return instruction("f32x4.add", x, y);
}

/** x − y. */
export function subtract(x: Code, y: Code): Code {
  return instruction("f32x4.sub", x, y);
}

/** The product of two or more. */
export function multiply(first: Code, ...others: readonly Code[]): Code {
  return others.reduce((product, factor) => instruction("f32x4.mul", product, factor), first);
}

/** x·y + z, in one rounding where `fused`, which needs a runtime with relaxed SIMD. */
export function multiplyAdd(fused: boolean, x: Code, y: Code, z: Code): Code {
  return fused ? instruction("f32x4.relaxed_madd", x, y, z) : add(multiply(x, y), z);
}

/** x / y. */
export function divide(x: Code, y: Code): Code {
  return instruction("f32x4.div", x, y);
}

/** Coefficients from the constant up, by Horner's rule. */
export function polynomial(code: VectorCode, x: Code, coefficients: readonly number[]): Code {
  return coefficients.slice(0, -1).reduceRight(
    (sum, coefficient) => code.multiplyAdd(sum, x, code.number(coefficient)),
    code.number(coefficients[coefficients.length - 1]),
  );
}
