import assert from "node:assert/strict";
import { GEMM_COLUMNS } from "../../../src/engine/cpu/gemm.ts";
import { TILE_COLUMNS } from "../../../src/engine/cpu/gemm_tile.ts";
import { plainAttention } from "../../../src/engine/cpu/attention_plain.ts";
import { createPlainGemm } from "../../../src/engine/cpu/gemm_plain.ts";
import { plainMatvec } from "../../../src/engine/cpu/matvec_plain.ts";
import { plainVector } from "../../../src/engine/cpu/vector_plain.ts";
import { lower } from "../../../src/engine/lower.ts";
import type { CpuArguments } from "../../../src/engine/op.ts";
import { add } from "../../../src/engine/ops/add.ts";
import { loraLinear, matmulOp } from "../../../src/engine/ops/matmul.ts";
import type { MatmulAttributes } from "../../../src/engine/ops/matmul_layout.ts";
import {
  bufferTensor,
  createProgram,
  elementCount,
  keepAs,
  type Node,
  type Program,
} from "../../../src/engine/program.ts";
import { randomStream } from "../../../src/protocol/random.ts";

/** x·Wᵀ + bias + s·((x·Aᵀ)∘mask)·Bᵀ + residual: every part of a product's epilogue. */
function adapted(rows: number, inner: number, rank: number, columns: number): Program {
  const program = createProgram("adapted");
  const tensor = (name: string, ...shape: number[]) => bufferTensor(program, "input", name, shape);
  const y = loraLinear(
    program,
    tensor("x", rows, inner),
    tensor("weight", columns, inner),
    tensor("bias", columns),
    {
      a: tensor("a", rank, inner),
      b: tensor("b", columns, rank),
      mask: bufferTensor(program, "input", "mask", [rank], "u32"),
      scale: 2,
    },
  );
  keepAs(program, add(program, y, tensor("residual", rows, columns)), "y");
  return lower(program);
}

/** The node's result over random inputs, its units taken in ranges that end at `ends`. */
function runInParts(node: Node<MatmulAttributes>, ends: readonly number[]): Float32Array {
  const random = randomStream(3, "units");
  const f32 = [...node.inputs, ...node.outputs].map(({ shape }) =>
    Float32Array.from({ length: elementCount(shape) }, () => random.normal())
  );
  const tensors: CpuArguments = {
    f32: (position) => f32[position],
    weight: (position) => f32[position],
    u32: (position) => Uint32Array.from(f32[position], (value) => value > 0 ? 1 : 0),
  };
  let begin = 0;
  for (const end of ends) {
    matmulOp.cpu.run(node, tensors, begin, end, {
      gemm: createPlainGemm(),
      matvec: plainMatvec,
      vector: plainVector,
      attention: plainAttention,
      scratch: new Float32Array(0),
    });
    begin = end;
  }
  return f32[node.inputs.length];
}

const cases = [
  { title: "columns of low products", program: adapted(5, 7, 130, 200) },
  { title: "columns of a single row", program: adapted(1, 7, 130, 200) },
  { title: "rows of narrow products", program: adapted(100, 7, 3, 9) },
];

for (const { title, program } of cases) {
  Deno.test(`matmul computes the same bits when ${title} are dealt out`, () => {
    const nodes = program.nodes as Node<MatmulAttributes>[];
    assert.equal(nodes.length, 2);
    assert.ok(nodes[0].attributes.columnMask && nodes[1].attributes.residual);
    for (const node of nodes) {
      const units = matmulOp.cpu.units(node);
      assert.ok(units >= 3, `${units} units`);
      const one = runInParts(node, [units]);
      assert.deepEqual(runInParts(node, Array.from({ length: units }, (_, i) => i + 1)), one);
      assert.deepEqual(runInParts(node, [1, units]), one);
    }
  });
}

Deno.test("GEMM_COLUMNS is a multiple of the register tile's columns", () => {
  assert.equal(GEMM_COLUMNS % TILE_COLUMNS, 0);
});
