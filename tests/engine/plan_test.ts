import assert from "node:assert/strict";
import fc from "fast-check";
import { lower } from "../../src/engine/lower.ts";
import { planMemory, plannedBytes } from "../../src/engine/plan.ts";
import {
  activationTensor,
  bufferTensor,
  createProgram,
  elementCount,
  keepAs,
  type Program,
  type Tensor,
} from "../../src/engine/program.ts";
import { decoderTraining, encoderTraining } from "./training_programs.ts";

/** A node as numbers: which of the tensors so far it reads (taken modulo their count), its outputs' sizes, whether the first is kept. */
interface PlannedNode {
  readonly inputs: readonly number[];
  readonly sizes: readonly number[];
  readonly kept: boolean;
}

const nodes: fc.Arbitrary<PlannedNode[]> = fc.array(
  fc.record({
    inputs: fc.array(fc.nat(), { maxLength: 3 }),
    sizes: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 3 }),
    kept: fc.boolean(),
  }),
  { maxLength: 25 },
);

/** The planner looks at tensors and nodes alone, so operations need no meaning here. */
function build(name: string, planned: readonly PlannedNode[]): Program {
  const program = createProgram(name);
  bufferTensor(program, "input", "x", [3]);
  planned.forEach(({ inputs, sizes, kept }, position) => {
    const readable = [...program.tensors];
    const outputs = sizes.map((size) => activationTensor(program, `n${position}`, [size]));
    if (kept) keepAs(program, outputs[0], `${name} kept ${position}`);
    program.nodes.push({
      op: "any",
      inputs: inputs.map((input) => readable[input % readable.length]),
      outputs,
      attributes: {},
    });
  });
  return program;
}

/** Activations that hold a value someone may still want while the node at `position` runs, its own outputs included. */
function liveAt(program: Program, position: number): Set<Tensor> {
  const written = program.nodes.slice(0, position + 1).flatMap((node) => node.outputs);
  const wanted = new Set([
    ...program.nodes.slice(position).flatMap((node) => node.inputs),
    ...program.nodes[position].outputs,
  ]);
  return new Set(
    written.filter((tensor) => tensor.placement.kind === "activation" && wanted.has(tensor)),
  );
}

Deno.test("planMemory() never lets two live tensors share a slot", () => {
  fc.assert(fc.property(nodes, (planned) => {
    const program = build("p", planned);
    const { slots, assignments } = planMemory([program]);
    const slotOf = assignments.get("p")!;
    program.nodes.forEach((_, position) => {
      const live = [...liveAt(program, position)];
      const taken = live.map(({ id }) => slotOf.get(id));
      assert.equal(new Set(taken).size, live.length, `node ${position}`);
      for (const tensor of live) {
        const slot = slotOf.get(tensor.id);
        assert.ok(slot !== undefined && slots[slot] >= elementCount(tensor.shape), tensor.name);
      }
    });
  }));
});

Deno.test("planMemory() never gives an output the slot of an input of its own node", () => {
  fc.assert(fc.property(nodes, (planned) => {
    const program = build("p", planned);
    const slotOf = planMemory([program]).assignments.get("p")!;
    for (const { inputs, outputs } of program.nodes) {
      const read = new Set(inputs.map(({ id }) => slotOf.get(id)));
      for (const { id, placement } of outputs) {
        if (placement.kind === "activation") assert.ok(!read.has(slotOf.get(id)));
      }
    }
  }));
});

Deno.test("planMemory() gives a pool that covers each program alone when several are loaded", () => {
  fc.assert(fc.property(nodes, nodes, (first, second) => {
    const programs = [build("first", first), build("second", second)];
    const together = planMemory(programs);
    const alone = programs.map((program) => planMemory([program]).slots);
    const count = Math.max(...alone.map((slots) => slots.length));
    const largest = Array.from(
      { length: count },
      (_, slot) => Math.max(...alone.map((slots) => slots[slot] ?? 0)),
    );
    assert.deepEqual(together.slots, largest);
    for (const [i, program] of programs.entries()) {
      const own = together.assignments.get(program.name)!;
      assert.deepEqual(own, planMemory([program]).assignments.get(program.name));
      assert.ok([...own.values()].every((slot) => slot < alone[i].length));
    }
  }));
});

/** x → a chain of tensors of the given sizes, each read by the next. */
function chain(name: string, sizes: readonly number[]): Program {
  return build(name, sizes.map((size, i) => ({ inputs: [i], sizes: [size], kept: false })));
}

Deno.test("planMemory() needs two slots for a chain and merges programs largest with largest", () => {
  // Of 10, 100, 20, 90 neighbours live together: 10 grows to 20, 100 serves 90.
  assert.deepEqual(planMemory([chain("up", [10, 100, 20, 90])]).slots, [100, 20]);
  assert.deepEqual(planMemory([chain("down", [50, 30])]).slots, [50, 30]);
  const both = planMemory([chain("up", [10, 100, 20, 90]), chain("down", [50, 30])]);
  assert.deepEqual(both.slots, [100, 30]);
  // Tensor 0 is the input; slots come largest first.
  const slotsOf = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => both.assignments.get(name)!.get(1 + i));
  assert.deepEqual(slotsOf("up", 4), [1, 0, 1, 0]);
  assert.deepEqual(slotsOf("down", 2), [0, 1]);
});

/** What slots cannot be smaller than: the k-th largest holds the k-th largest of what lives at once, at any time. */
function leastSlots(program: Program): number[] {
  const least: number[] = [];
  program.nodes.forEach((_, position) => {
    [...liveAt(program, position)]
      .map(({ shape }) => elementCount(shape))
      .sort((x, y) => y - x)
      .forEach((size, k) => least[k] = Math.max(least[k] ?? 0, size));
  });
  return least;
}

for (const { program } of [encoderTraining(), decoderTraining()]) {
  Deno.test(`planMemory() takes hardly more for a small ${program.name} than slots can`, () => {
    const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
    const lowered = lower(program);
    const { slots } = planMemory([lowered]);
    const least = leastSlots(lowered);
    assert.ok(least.every((size, k) => slots[k] >= size));
    assert.ok(sum(slots) <= 1.05 * sum(least), `${sum(slots)} of at least ${sum(least)}`);
  });
}

Deno.test("planMemory() merges buffers by name and refuses them when they disagree", () => {
  const program = (name: string, role: "input" | "state", length: number) => {
    const result = createProgram(name);
    bufferTensor(result, role, "shared", [length]);
    return result;
  };
  const { buffers } = planMemory([program("a", "state", 4), program("b", "state", 9)]);
  assert.equal(buffers.get("shared")?.length, 9);
  assert.throws(() => planMemory([program("a", "state", 4), program("b", "input", 4)]), {
    name: "TypeError",
    message: 'Cannot share buffer "shared": declared as f32 state and as f32 input',
  });
});

Deno.test("plannedBytes() adds buffers up by role, compact ones by what they take, and slots", () => {
  const program = chain("p", [10, 100]);
  bufferTensor(program, "weight", "halves", [3], "f16");
  bufferTensor(program, "weight", "bytes", [2, 5], "int8");
  bufferTensor(program, "state", "s", [7]);
  bufferTensor(program, "output", "y", [1]);
  assert.deepEqual(plannedBytes(planMemory([program])), {
    input: 4 * 3,
    // Words of four bytes, and a scale a row.
    weight: 8 + (12 + 4 * 2),
    state: 4 * 7,
    output: 4,
    activation: 4 * (10 + 100),
  });
});

Deno.test("planMemory() refuses two programs when they have one name", () => {
  assert.throws(() => planMemory([chain("twin", [1]), chain("twin", [2])]), {
    name: "RangeError",
    message: 'Cannot load two programs named "twin": expected unique names',
  });
});

Deno.test("planMemory() names a tensor when it is read before it is computed", () => {
  const program = createProgram("p");
  const late = activationTensor(program, "late", [2]);
  const y = activationTensor(program, "y", [2]);
  program.nodes.push({ op: "any", inputs: [late], outputs: [y], attributes: {} });
  program.nodes.push({ op: "any", inputs: [], outputs: [late], attributes: {} });
  assert.throws(() => planMemory([program]), {
    message: 'Cannot plan program "p": "late" is read before it is computed',
  });
});
