/**
 * A small WebAssembly assembler: code is written as nested calls that read like folded WebAssembly text, and comes out as the bytes of a module
 * that imports one shared memory as `engine.memory`.
 *
 * It checks nothing: `WebAssembly.validate` does.
 *
 * @module
 */

/** Value types in use. */
export type ValueType = "i32" | "f32" | "v128";

/** Encoded instructions. */
export type Code = readonly number[];

/** A parameter or local variable of a function. */
export interface Local {
  readonly index: number;
}

/** A finished function; it can be called by its position in the module and is exported by its name. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

const VALUE_TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

const OPCODES = {
  "i32.eqz": 0x45,
  "i32.eq": 0x46,
  "i32.lt_u": 0x49,
  "i32.gt_u": 0x4b,
  "i32.ge_u": 0x4f,
  "i32.add": 0x6a,
  "i32.sub": 0x6b,
  "i32.mul": 0x6c,
  "i32.and": 0x71,
  "i32.shr_u": 0x76,
  "f32.add": 0x92,
  "f32.convert_i32_s": 0xb2,
  "f32.convert_i32_u": 0xb3,
  "select": 0x1b,
} as const;

const SIMD_OPCODES = {
  "f32x4.splat": 0x13,
  "f32x4.lt": 0x43,
  "f32x4.gt": 0x44,
  "f32x4.sqrt": 0xe3,
  "f32x4.add": 0xe4,
  "f32x4.sub": 0xe5,
  "f32x4.mul": 0xe6,
  "f32x4.div": 0xe7,
  "f32x4.pmin": 0xea,
  "f32x4.pmax": 0xeb,
  "i32x4.ne": 0x38,
  "i32x4.shl": 0xab,
  "i32x4.shr_s": 0xac,
  "i32x4.add": 0xae,
  "i32x4.sub": 0xb1,
  "v128.and": 0x4e,
  "v128.andnot": 0x4f,
  "v128.bitselect": 0x52,
  "i16x8.extend_low_i8x16_s": 0x87,
  "i32x4.extend_low_i16x8_s": 0xa7,
  "i32x4.extend_high_i16x8_s": 0xa8,
  "f32x4.convert_i32x4_s": 0xfa,
  "f32x4.relaxed_madd": 0x105,
} as const;

const LOADS = { "i32.load": [0x28], "f32.load": [0x2a], "i32.load8_s": [0x2c] } as const;
const SIMD_LOADS = {
  "v128.load": 0x00,
  "v128.load16x4_s": 0x03,
  "v128.load16_splat": 0x08,
  "v128.load32_splat": 0x09,
  "v128.load32_zero": 0x5c,
  "v128.load64_zero": 0x5d,
};
const STORES = { "f32.store": [0x38] } as const;
const SIMD_STORES = { "v128.store": 0x0b };

const SIMD_PREFIX = 0xfd;
const V128_CONST = 0x0c;
const SHUFFLE = 0x0d;
const STORE32_LANE = 0x5a;
const STORE64_LANE = 0x5b;
/** The logarithm of an element's bytes: 4, but for loads of smaller elements. */
const ALIGNMENT = 2;
const ALIGNMENT_16 = 1;
const ALIGNMENT_8 = 0;
const EMPTY_BLOCK = 0x40;
const END = 0x0b;

/** An unsigned number in LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}

/** A signed 32-bit number in LEB128. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    const done = (value === 0 && (low & 0x40) === 0) || (value === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

/** An instruction without immediates, after its operands. */
export function instruction(
  name: keyof typeof OPCODES | keyof typeof SIMD_OPCODES,
  ...operands: readonly Code[]
): Code {
  const opcode = name in SIMD_OPCODES
    ? [SIMD_PREFIX, ...unsigned(SIMD_OPCODES[name as keyof typeof SIMD_OPCODES])]
    : [OPCODES[name as keyof typeof OPCODES]];
  return ([] as number[]).concat(...operands, opcode);
}

/** Reads memory at `address` + `offset` bytes. */
export function load(
  name: keyof typeof LOADS | keyof typeof SIMD_LOADS,
  address: Code,
  offset = 0,
): Code {
  const opcode = name in SIMD_LOADS
    ? [SIMD_PREFIX, ...unsigned(SIMD_LOADS[name as keyof typeof SIMD_LOADS])]
    : LOADS[name as keyof typeof LOADS];
  const alignment = name.includes("load8")
    ? ALIGNMENT_8
    : name.includes("16")
    ? ALIGNMENT_16
    : ALIGNMENT;
  return [...address, ...opcode, alignment, ...unsigned(offset)];
}

/** Writes `value` to memory at `address` + `offset` bytes. */
export function store(
  name: keyof typeof STORES | keyof typeof SIMD_STORES,
  address: Code,
  value: Code,
  offset = 0,
): Code {
  const opcode = name in SIMD_STORES
    ? [SIMD_PREFIX, ...unsigned(SIMD_STORES[name as keyof typeof SIMD_STORES])]
    : STORES[name as keyof typeof STORES];
  return [...address, ...value, ...opcode, ALIGNMENT, ...unsigned(offset)];
}

/** Writes half `lane` (0 or 1) of a vector to memory at `address` + `offset` bytes. */
export function storeHalf(lane: 0 | 1, address: Code, value: Code, offset = 0): Code {
  return storePart(STORE64_LANE, lane, address, value, offset);
}

/** Writes the first lane of a vector to memory at `address`. */
export function storeFirst(address: Code, value: Code): Code {
  return storeLane(0, address, value);
}

/** Writes one lane of a vector to memory at `address` + `offset` bytes. */
export function storeLane(lane: 0 | 1 | 2 | 3, address: Code, value: Code, offset = 0): Code {
  return storePart(STORE32_LANE, lane, address, value, offset);
}

function storePart(opcode: number, lane: number, address: Code, value: Code, offset: number): Code {
  return [
    ...address,
    ...value,
    SIMD_PREFIX,
    ...unsigned(opcode),
    ALIGNMENT,
    ...unsigned(offset),
    lane,
  ];
}

/** Four f32 lanes chosen from two vectors: 0–3 from the first, 4–7 from the second. */
export function shuffle(
  first: Code,
  second: Code,
  lanes: readonly [number, number, number, number],
): Code {
  const bytes = lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte));
  return [...first, ...second, SIMD_PREFIX, ...unsigned(SHUFFLE), ...bytes];
}

/** An i32 constant. */
export function constant(value: number): Code {
  return [0x41, ...signed(value)];
}

/** A vector of zeros. */
export function zeros(): Code {
  return lanes(new Uint32Array(4));
}

/** A vector constant by the bits of its four lanes. */
export function lanes(bits: Uint32Array): Code {
  const bytes = new DataView(new ArrayBuffer(16));
  bits.forEach((word, lane) => bytes.setUint32(4 * lane, word, true));
  return [SIMD_PREFIX, V128_CONST, ...new Uint8Array(bytes.buffer)];
}

/** The value of a local. */
export function get(local: Local): Code {
  return [0x20, ...unsigned(local.index)];
}

/** Assigns a local. */
export function set(local: Local, value: Code): Code {
  return [...value, 0x21, ...unsigned(local.index)];
}

/** The smaller of two i32 numbers without a sign. Both are computed twice. */
export function minimum(x: Code, y: Code): Code {
  return instruction("select", x, y, instruction("i32.lt_u", x, y));
}

/** Copies bytes of memory; the two places may overlap. */
export function copyMemory(target: Code, source: Code, bytes: Code): Code {
  return [...target, ...source, ...bytes, 0xfc, 0x0a, 0, 0];
}

/** Adds to an i32 local. */
export function advance(local: Local, amount: Code): Code {
  return set(local, instruction("i32.add", get(local), amount));
}

/** Repeats the body while the condition, tested before each pass, is not zero. */
export function loopWhile(condition: Code, ...body: readonly Code[]): Code {
  const leave = [...instruction("i32.eqz", condition), 0x0d, 1];
  const again = [0x0c, 0];
  return [
    0x02,
    EMPTY_BLOCK,
    0x03,
    EMPTY_BLOCK,
    ...leave,
    ...body.flat(),
    ...again,
    END,
    END,
  ];
}

/** Runs one of two branches. */
export function branch(
  condition: Code,
  then: readonly Code[],
  otherwise: readonly Code[] = [],
): Code {
  const tail = otherwise.length === 0 ? [] : [0x05, ...otherwise.flat()];
  return [...condition, 0x04, EMPTY_BLOCK, ...then.flat(), ...tail, END];
}

/** Calls the function at a position of the module. */
export function call(position: number, ...operands: readonly Code[]): Code {
  return [...operands.flat(), 0x10, ...unsigned(position)];
}

/** Types of so many i32 parameters. */
export function i32s(count: number): ValueType[] {
  return new Array<ValueType>(count).fill("i32");
}

/** Builds a function without results; `build` receives its parameters and a way to declare locals. */
export function defineFunction(
  name: string,
  parameters: readonly ValueType[],
  build: (parameters: readonly Local[], local: (type: ValueType) => Local) => readonly Code[],
): WasmFunction {
  const locals: ValueType[] = [];
  const local = (type: ValueType): Local => {
    locals.push(type);
    return { index: parameters.length + locals.length - 1 };
  };
  const body = build(parameters.map((_, index) => ({ index })), local).flat();
  return { name, parameters, locals, body };
}

/** The bytes of a module of these functions. */
export function encodeModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [
    0x60,
    ...vector(parameters.map((type) => [VALUE_TYPES[type]])),
    0,
  ]);
  // Memory import: shared (3 = has a maximum, is shared), any size up to the 65,536 pages that 32 bits address.
  const memory = [...text("engine"), ...text("memory"), 2, 3, ...unsigned(1), ...unsigned(65536)];
  const exports = functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]);
  const code = functions.map(({ locals, body }) => {
    const declared = vector(locals.map((type) => [1, VALUE_TYPES[type]]));
    return [...unsigned(declared.length + body.length + 1), ...declared, ...body, END];
  });
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, vector([memory])),
    ...section(3, vector(functions.map((_, i) => unsigned(i)))),
    ...section(7, vector(exports)),
    ...section(10, vector(code)),
  ]);
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
}

/** The module with fused multiply-adds where this runtime validates it, else without; undefined where it validates neither. */
export function compileBest(
  moduleOf: (fused: boolean) => Uint8Array<ArrayBuffer>,
): WebAssembly.Module | undefined {
  for (const fused of [true, false]) {
    const bytes = moduleOf(fused);
    if (WebAssembly.validate(bytes)) return new WebAssembly.Module(bytes);
  }
  return undefined;
}
