import assert from "node:assert/strict";
import fc from "fast-check";
import {
  advance,
  branch,
  call,
  constant,
  defineFunction,
  encodeModule,
  get,
  instruction,
  lanes,
  load,
  loopWhile,
  set,
  shuffle,
  signed,
  store,
  storeFirst,
  storeHalf,
  unsigned,
  type WasmFunction,
  zeros,
} from "../../../src/engine/cpu/wasm_module.ts";

type Exports = Record<string, (...values: number[]) => void>;

function instantiate(...functions: WasmFunction[]): { exports: Exports; f32: Float32Array } {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const module = new WebAssembly.Module(encodeModule(functions));
  const { exports } = new WebAssembly.Instance(module, { engine: { memory } });
  return { exports: exports as Exports, f32: new Float32Array(memory.buffer) };
}

Deno.test("unsigned() and signed() encode the examples of the LEB128 definition", () => {
  assert.deepEqual(unsigned(0), [0]);
  assert.deepEqual(unsigned(127), [0x7f]);
  assert.deepEqual(unsigned(624485), [0xe5, 0x8e, 0x26]);
  assert.deepEqual(unsigned(2 ** 32 - 1), [0xff, 0xff, 0xff, 0xff, 0x0f]);
  assert.deepEqual(signed(0), [0]);
  assert.deepEqual(signed(64), [0xc0, 0x00]);
  assert.deepEqual(signed(-1), [0x7f]);
  assert.deepEqual(signed(-123456), [0xc0, 0xbb, 0x78]);
});

Deno.test("constant() gives the number that WebAssembly reads back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 16383 }), (element) => {
      const one = instruction("f32x4.splat", load("f32.load", constant(0)));
      const { exports, f32 } = instantiate(
        defineFunction("write", [], () => [store("v128.store", constant(4 * element), one)]),
      );
      f32[0] = 7;
      if (element > 16380) return assert.throws(() => exports.write(), WebAssembly.RuntimeError);
      exports.write();
      assert.equal(f32[element + 3], 7);
    }),
    { numRuns: 50 },
  );
});

Deno.test("loopWhile() and call() sum a list when a function walks over it", () => {
  // add(target, source): memory[target] += memory[source], by vectors of which one lane counts
  const add = defineFunction("add", ["i32", "i32"], ([target, source]) => [
    store(
      "v128.store",
      get(target),
      instruction("f32x4.add", load("v128.load", get(target)), load("v128.load", get(source))),
    ),
  ]);
  const sum = defineFunction("sum", ["i32", "i32", "i32"], ([target, source, count]) => [
    loopWhile(
      get(count),
      call(0, get(target), get(source)),
      advance(source, constant(4)),
      advance(count, constant(-1)),
    ),
  ]);
  const { exports, f32 } = instantiate(add, sum);
  f32.set([1, 2, 3, 4, 5], 100);
  exports.sum(0, 400, 5);
  assert.equal(f32[0], 15);
  exports.sum(0, 400, 0);
  assert.equal(f32[0], 15);
});

Deno.test("branch() takes one side and shuffle(), storeHalf() pick lanes when asked", () => {
  const pick = defineFunction("pick", ["i32"], ([which], local) => {
    const mixed = local("v128");
    return [
      set(mixed, zeros()),
      branch(get(which), [
        set(
          mixed,
          shuffle(load("v128.load", constant(0)), load("v128.load", constant(16)), [3, 4, 0, 7]),
        ),
      ], [
        set(mixed, instruction("f32x4.splat", load("f32.load", constant(4)))),
      ]),
      store("v128.store", constant(32), get(mixed)),
      storeHalf(1, constant(48), get(mixed)),
    ];
  });
  const { exports, f32 } = instantiate(pick);
  f32.set([1, 2, 3, 4, 5, 6, 7, 8]);
  exports.pick(1);
  assert.deepEqual([...f32.slice(8, 14)], [4, 5, 1, 8, 1, 8]);
  exports.pick(0);
  assert.deepEqual([...f32.slice(8, 14)], [2, 2, 2, 2, 2, 2]);
});

Deno.test("lanes() holds four words and storeFirst() writes the first alone", () => {
  // 1, 2, −0.5 and the bits of infinity.
  const words = Uint32Array.of(0x3f800000, 0x40000000, 0xbf000000, 0x7f800000);
  const write = defineFunction("write", [], () => [
    store("v128.store", constant(0), lanes(words)),
    storeFirst(constant(16), lanes(words)),
  ]);
  const { exports, f32 } = instantiate(write);
  exports.write();
  assert.deepEqual([...f32.slice(0, 6)], [1, 2, -0.5, Infinity, 1, 0]);
});

Deno.test("encodeModule() makes a module that WebAssembly refuses when the code is wrong", () => {
  const unbalanced = defineFunction("unbalanced", [], () => [constant(1)]);
  assert.equal(WebAssembly.validate(encodeModule([unbalanced])), false);
});
