/**
 * Packs a kernel's parameters by WGSL's layout rules. Structs of 4-byte scalars only: members follow each other at multiples of 4, the size of a
 * uniform is rounded up to 16.
 *
 * @module
 */

/** A member of `struct Params`. */
export interface ParamField {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32";
}

/** The members of `struct Params` in a kernel's text, in order; empty where the kernel has none. */
export function paramFields(source: string): ParamField[] {
  const body = /struct Params \{([^}]*)\}/.exec(source)?.[1];
  if (body === undefined) return [];
  return [...body.matchAll(/(\w+)\s*:\s*(\w+)/g)].map(([, name, type]) => {
    if (type !== "u32" && type !== "i32" && type !== "f32") {
      throw new TypeError(`Cannot pack parameter "${name}": expected u32, i32 or f32, got ${type}`);
    }
    return { name, type };
  });
}

/** The bytes of a uniform with these members. Every member needs a value, and every value a member. */
export function packParams(
  fields: readonly ParamField[],
  values: Readonly<Record<string, number>>,
): Uint8Array<ArrayBuffer> {
  const unknown = Object.keys(values).find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot pack parameter "${unknown}": expected one of ${
        fields.map((field) => field.name).join(", ")
      }`,
    );
  }
  const bytes = new Uint8Array(Math.ceil(fields.length * 4 / 16) * 16);
  const view = new DataView(bytes.buffer);
  fields.forEach(({ name, type }, i) => {
    const value = values[name];
    if (value === undefined) throw new TypeError(`Cannot pack parameters: "${name}" has no value`);
    if (type === "f32") view.setFloat32(4 * i, value, true);
    else if (type === "u32") view.setUint32(4 * i, checkWhole(name, value, 0, 0xFFFFFFFF), true);
    else view.setInt32(4 * i, checkWhole(name, value, -0x80000000, 0x7FFFFFFF), true);
  });
  return bytes;
}

function checkWhole(name: string, value: number, low: number, high: number): number {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(
      `Cannot pack parameter "${name}": expected a whole number from ${low} to ${high}, got ${value}`,
    );
  }
  return value;
}
