/**
 * Bytes that were right once.
 *
 * @module
 */

import fc from "fast-check";

/** A change of bytes. Places are fractions, so that one change fits bodies of any length. */
export type Mutation =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "header"; readonly at: number; readonly value: number }
  | { readonly kind: "cut"; readonly at: number; readonly to: number }
  | { readonly kind: "repeat"; readonly at: number; readonly to: number }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "zero"; readonly at: number; readonly to: number }
  | { readonly kind: "splice"; readonly at: number; readonly other: number }
  | { readonly kind: "text"; readonly from: string; readonly to: string };

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

/** Words of messages, and what could stand in their place. */
const words = [
  '"round":"',
  '"client":"',
  '"samples":"',
  '"kind":"',
  '"run":"',
  '"F32"',
  '"U32"',
  '"shape":[',
  '"data_offsets":[',
  "lora_A",
  "lora_B",
  "indices",
  "scores",
  "q_proj",
  "__metadata__",
  '"name":"',
  '"samples":10',
];
const replacements = [
  '"round":"9',
  '"client":"-',
  '"samples":"0',
  '"samples":"99999999999999',
  '"F64"',
  '"I8"',
  '"shape":[4294967296,4294967296,',
  '"shape":[-1,',
  '"data_offsets":[9007199254740993,',
  '"data_offsets":[1e3,',
  "__proto__",
  "constructor",
  "\\u0000",
  "{{{{",
  '"name":"\\u0000',
  '"name":"\\ud800',
  '"samples":1e999',
  "",
];

/** Any change. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: place, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant("header" as const), at: fc.nat(9), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("cut" as const), at: place, to: place }),
  fc.record({ kind: fc.constant("repeat" as const), at: place, to: place }),
  fc.record({
    kind: fc.constant("insert" as const),
    at: place,
    bytes: fc.uint8Array({ maxLength: 40 }),
  }),
  fc.record({ kind: fc.constant("zero" as const), at: place, to: place }),
  fc.record({ kind: fc.constant("splice" as const), at: place, other: fc.nat(3) }),
  fc.record({
    kind: fc.constant("text" as const),
    from: fc.constantFrom(...words),
    to: fc.constantFrom(...words, ...replacements),
  }),
);

/** Changes bytes. @param others messages of the same run, to take parts of. */
export function mutate(
  bytes: Uint8Array,
  change: Mutation,
  others: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  const at = "at" in change ? Math.floor(change.at * whole.length) : 0;
  switch (change.kind) {
    case "flip":
      if (whole.length > 0) whole[at] ^= 1 << change.bit;
      return whole;
    case "header":
      if (change.at < whole.length) whole[change.at] = change.value;
      return whole;
    case "cut":
      return join(whole.subarray(0, at), whole.subarray(endOf(whole, change)));
    case "repeat":
      return join(whole.subarray(0, endOf(whole, change)), whole.subarray(at));
    case "insert":
      return join(whole.subarray(0, at), change.bytes, whole.subarray(at));
    case "zero":
      return whole.fill(0, at, endOf(whole, change));
    case "splice": {
      const other = others[change.other % others.length] ?? whole;
      return join(whole.subarray(0, at), other.subarray(Math.floor(change.at * other.length)));
    }
    case "text":
      return replaceText(whole, change.from, change.to);
  }
}

function endOf({ length }: Uint8Array, { at, to }: { at: number; to: number }): number {
  return Math.floor(Math.max(at, to) * length) + 1;
}

function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array<ArrayBuffer> {
  const text = latin1.decode(bytes);
  const at = text.indexOf(from);
  if (at < 0) return new Uint8Array(bytes);
  return join(
    bytes.subarray(0, at),
    new TextEncoder().encode(to),
    bytes.subarray(at + from.length),
  );
}

const latin1 = new TextDecoder("latin1");

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const part of parts) {
    whole.set(part, filled);
    filled += part.length;
  }
  return whole;
}
