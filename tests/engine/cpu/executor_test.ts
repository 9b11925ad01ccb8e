import assert from "node:assert/strict";
import { loadOnCpu } from "../../../src/engine/cpu/executor.ts";
import { compileAttention } from "../../../src/engine/cpu/attention_wasm.ts";
import { compileGemm } from "../../../src/engine/cpu/gemm_wasm.ts";
import { compileMatvec } from "../../../src/engine/cpu/matvec_wasm.ts";
import { compileVector } from "../../../src/engine/cpu/vector_wasm.ts";
import type { Executor } from "../../../src/engine/device.ts";
import { apply, type Op } from "../../../src/engine/op.ts";
import {
  bufferTensor,
  createProgram,
  keepAs,
  type Program,
  type Tensor,
} from "../../../src/engine/program.ts";
import {
  type FakeAttributes,
  increaseOp,
  lookupAmong,
  refuseOp,
  reverseOp,
  waitOp,
} from "./fake_operations.ts";

const ELEMENTS = 7;

function load(
  threads: number,
  programs: readonly Program[],
  workers: readonly string[] = ["./fake_worker.ts"],
): Promise<Executor> {
  let started = 0;
  return loadOnCpu(programs, {
    info: { kind: "cpu", description: "test", threads },
    threads,
    gemm: compileGemm()?.module,
    matvec: compileMatvec(),
    vector: compileVector(),
    attention: compileAttention(),
    lookup: lookupAmong(increaseOp, refuseOp, reverseOp, waitOp),
    startWorker() {
      const entry = workers[started++ % workers.length];
      return new Worker(new URL(entry, import.meta.url), { type: "module" });
    },
  });
}

/** A program from x to "y" over operations in turn. */
function chain(
  name: string,
  ...steps: readonly ((program: Program, x: Tensor) => Tensor)[]
): Program {
  const program = createProgram(name);
  let tensor = bufferTensor(program, "input", "x", [ELEMENTS]);
  for (const step of steps) tensor = step(program, tensor);
  keepAs(program, tensor, "y");
  return program;
}

const step =
  (op: Op<FakeAttributes>, value: number, small = false) => (program: Program, x: Tensor): Tensor =>
    apply(program, op, [x], { value, small })[0];
const increase = (amount: number, small?: boolean) => step(increaseOp, amount, small);
const refuse = (refused: number, small?: boolean) => step(refuseOp, refused, small);
const reverse = step(reverseOp, 0);

const input = Float32Array.of(1, 2, 3, 4, 5, 6, 7);

for (const threads of [1, 2, 3]) {
  Deno.test(`run() passes results from node to node on ${threads} threads, run after run`, async () => {
    const mixed = chain(
      "mixed",
      increase(1, true),
      reverse,
      increase(10, true),
      increase(100, true),
      reverse,
      reverse,
      increase(1000),
      increase(0, true),
    );
    const alone = chain("alone", increase(5, true));
    const executor = await load(threads, [mixed, alone]);
    for (let i = 0; i < 200; i++) {
      executor.write("x", Float32Array.from(input, (value) => value + i));
      executor.run("mixed");
      const y = await executor.read("y");
      assert.deepEqual([...y], [...input].reverse().map((value) => value + 1111 + i));
      if (i % 3 === 0) executor.run("alone");
    }
    executor.run("alone");
    assert.deepEqual([...await executor.read("y", 0, 2)], [1 + 199 + 5, 2 + 199 + 5]);
    await executor.close();
  });

  Deno.test(`run() names node and operation when one fails on ${threads} threads, and goes on working`, async () => {
    const programs = [
      chain("shared", increase(0), refuse(7), reverse, increase(0)),
      chain("before_shared", increase(0), refuse(3, true), reverse),
      chain("last", increase(0), refuse(3, true)),
    ];
    const executor = await load(threads, programs);
    for (let i = 0; i < 20; i++) {
      executor.write("x", input);
      assert.throws(() => executor.run("shared"), {
        message:
          'Cannot run program "shared": node 1 (refuse, "refuse of increase of x") failed: element 6 is 7 — no',
      });
      for (const name of ["before_shared", "last"]) {
        assert.throws(
          () => executor.run(name),
          /node 1 \(refuse, .*\) failed: element 2 is 3 — no/,
        );
      }
      executor.write("x", Float32Array.of(1, 2, 1, 2, 1, 2, 1));
      executor.run("shared");
      assert.deepEqual([...await executor.read("y")], [1, 2, 1, 2, 1, 2, 1]);
    }
    await executor.close();
  });
}

Deno.test("run() lets a free thread do what a slow one has not begun", async () => {
  const executor = await load(2, [chain("waiting", step(waitOp, 0))]);
  executor.write("x", input);
  executor.run("waiting");
  assert.deepEqual([...await executor.read("y")], [...input]);
  await executor.close();
});

Deno.test("load() rejects when the calling thread does not know an operation", async () => {
  const program = chain("unknown", reverse);
  program.nodes = program.nodes.map((node) => ({ ...node, op: "absent" }));
  await assert.rejects(load(2, [program]), /Cannot find operation "absent"/);
});

Deno.test("load() rejects when a worker does not know an operation that the others know", async () => {
  await assert.rejects(
    load(3, [chain("unknown", reverse)], ["./fake_worker.ts", "./fewer_worker.ts"]),
    /Cannot find operation "reverse"/,
  );
});

Deno.test("load() rejects when a worker cannot start", async () => {
  await assert.rejects(load(2, [chain("fine", reverse)], ["./broken_worker.ts"]), /worker failed/);
});

Deno.test("load() refuses programs that need more than 4 GiB", async () => {
  const program = createProgram("huge");
  bufferTensor(program, "weight", "x", [3, 2 ** 29]);
  await assert.rejects(load(1, [program]), {
    name: "DeviceMemoryError",
    message:
      "Cannot place programs in the CPU device's memory: expected at most 4 GiB, got 6.0 GiB",
  });
});

Deno.test("write(), clear() and read() touch the elements they name", async () => {
  const executor = await load(1, [chain("p", reverse)]);
  assert.deepEqual([...await executor.read("x")], [0, 0, 0, 0, 0, 0, 0]);
  executor.write("x", Float32Array.of(8, 9), 5);
  executor.write("x", Float32Array.of(1));
  assert.deepEqual([...await executor.read("x")], [1, 0, 0, 0, 0, 8, 9]);
  assert.deepEqual([...await executor.read("x", 4, 2)], [0, 8]);
  assert.deepEqual([...await executor.read("x", 6)], [9]);
  const copy = await executor.read("x");
  assert.ok(copy.buffer instanceof ArrayBuffer, "the copy shares memory");
  executor.clear("x");
  assert.deepEqual([...await executor.read("x")], [0, 0, 0, 0, 0, 0, 0]);
  assert.equal(copy[6], 9);
  await executor.close();
});

Deno.test("write(), read() and run() refuse what does not exist", async () => {
  const executor = await load(1, [chain("p", reverse)]);
  assert.throws(() => executor.write("x", new Uint32Array(1)), {
    name: "TypeError",
    message: 'Cannot write buffer "x": expected Float32Array, got Uint32Array',
  });
  assert.throws(() => executor.write("x", new Float32Array(3), 5), {
    name: "RangeError",
    message: 'Cannot access elements [5, 8) of buffer "x": it has 7',
  });
  await assert.rejects(executor.read("x", -1), RangeError);
  await assert.rejects(executor.read("z"), {
    message: 'Cannot access buffer "z": no loaded program declares it',
  });
  assert.throws(() => executor.run("q"), {
    message: 'Cannot run program "q": it is not loaded',
  });
  await executor.close();
});

Deno.test("close() can be called twice and ends the executor", async () => {
  const executor = await load(2, [chain("p", reverse)]);
  await Promise.all([executor.close(), executor.close()]);
  assert.throws(() => executor.run("p"), { message: "Cannot use this executor: it is closed" });
  await assert.rejects(executor.read("x"), /it is closed/);
});
