/** Operations that do little but say that they cost much, so that every thread takes part; one unit an element. */

import type { CpuFunction, Op } from "../../../src/engine/op.ts";
import { elementCount } from "../../../src/engine/program.ts";

/** What a fake operation is told: a number, and whether it says that it is work for one thread. */
export interface FakeAttributes {
  readonly [name: string]: number | boolean;
  readonly value: number;
  readonly small: boolean;
}

type Element = (x: Float32Array, i: number, value: number) => number;

function fake(name: string, element: Element): Op<FakeAttributes> {
  const cpu: CpuFunction = {
    units: ({ outputs }) => elementCount(outputs[0].shape),
    run({ attributes }, tensors, begin, end) {
      const x = tensors.f32(0), y = tensors.f32(1);
      for (let i = begin; i < end; i++) y[i] = element(x, i, Number(attributes.value));
    },
  };
  return {
    name,
    cpu,
    infer: ([x]) => [{ name: `${name} of ${x.name}`, shape: x.shape }],
    cost: ({ attributes }) => ({ flops: attributes.small ? 1 : 1e9, bytes: 1 }),
    kernel: () => ({ source: "", workgroups: 1 }),
  };
}

/** y = x + value. */
export const increaseOp = fake("increase", (x, i, value) => x[i] + value);

/** y[i] = x[n − 1 − i]: reads what the other threads wrote. */
export const reverseOp = fake("reverse", (x, i) => x[x.length - 1 - i]);

/** y = x, but fails at an element equal to the value. */
export const refuseOp = fake("refuse", (x, i, value) => {
  if (x[i] === value) throw new RangeError(`element ${i} is ${x[i]} — no`);
  return x[i];
});

/** y = x, where the second of two threads gets no further than its first unit until the last unit is done: the first has to do that one. */
export const waitOp: Op<FakeAttributes> = {
  ...fake("wait", (x, i) => x[i]),
  cpu: {
    units: ({ outputs }) => elementCount(outputs[0].shape),
    run(_, tensors, begin, end) {
      const x = tensors.f32(0), y = tensors.f32(1);
      const words = new Int32Array(y.buffer, y.byteOffset, y.length);
      const isSecond = begin > 0 && begin <= y.length / 2;
      for (let load = 0; isSecond && Atomics.load(words, y.length - 1) === 0; load++) {
        if (load === 1e9) throw new Error("nobody does the last unit");
      }
      y.set(x.subarray(begin, end), begin);
    },
  },
};

/** Finds one of some operations. */
export function lookupAmong(...operations: readonly Op<FakeAttributes>[]): (name: string) => Op {
  return (name) => {
    const op = operations.find((fake) => fake.name === name);
    if (op === undefined) throw new TypeError(`Cannot find operation "${name}"`);
    return op as Op;
  };
}
