/** Compares an operation and its gradients with a float64 oracle, over many shapes, on every device. */

import type { BufferData, Device } from "../../src/engine/device.ts";
import { gradients, placeIn } from "../../src/engine/gradients.ts";
import { lower } from "../../src/engine/lower.ts";
import { operation } from "../../src/engine/ops/registry.ts";
import { dequantize, quantizeRows } from "../../src/engine/int8.ts";
import {
  bufferTensor,
  type CompactDType,
  createProgram,
  elementCount,
  keepAs,
  type Program,
  type Tensor,
} from "../../src/engine/program.ts";
import { createWebgpuDevice } from "../../src/engine/webgpu/device.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { assertClose } from "../reference/compare.ts";
import type { Numbers } from "../reference/numbers.ts";
import { onEveryDevice, testDevices } from "./devices.ts";

/** An input of a case: f32 normal numbers unless data is given; u32 where the data is. */
export interface CaseInput {
  readonly shape: readonly number[];
  readonly data?: BufferData;
  /** The compact type that it is a weight of; the oracle is given the numbers as rounded to that. */
  readonly stored?: CompactDType;
}

/** One shape of one operation. */
export interface OpCase<I extends string> {
  readonly name: string;
  readonly inputs: Readonly<Record<I, CaseInput>>;
  build(program: Program, tensors: Readonly<Record<I, Tensor>>): Tensor;
  /** The result, and the gradient of each differentiable input given the result's gradient dy. */
  oracle(
    inputs: Readonly<Record<I, Numbers>>,
    dy: Float32Array,
  ): { readonly y: Numbers; readonly gradients: Partial<Record<I, Numbers>> };
  readonly tolerance?: number;
}

/** Normal numbers, the same for the same name. */
export function normalNumbers(name: string, count: number): Float32Array {
  const stream = randomStream(1, name);
  return Float32Array.from({ length: count }, () => stream.normal());
}

/** What weights [..., width] are by a compact type. */
export function roundedTo(dtype: CompactDType, weights: Float32Array, width: number): Float32Array {
  if (dtype === "f16") return new Float32Array(new Float16Array(weights));
  const values = new Int8Array(weights.length);
  const scales = new Float32Array(weights.length / width);
  quantizeRows(weights, width, values, scales);
  return dequantize(values, scales, width);
}

/** Whole numbers below `limit`, the same for the same name. */
export function wholeNumbers(name: string, count: number, limit: number): Uint32Array {
  const stream = randomStream(2, name);
  return Uint32Array.from({ length: count }, () => stream.integer(limit));
}

/**
 * Registers a test a device that runs every case: forward, then every gradient the oracle states; and one a variant, in which WebGPU computes every node
 * by it.
 */
export function testOp<I extends string>(
  name: string,
  cases: readonly OpCase<I>[],
  variants: readonly string[] = [],
): void {
  const prepared = cases.map((testCase) => prepare(testCase));
  onEveryDevice(
    `${name} equals its float64 oracle forward and backward`,
    (device) => compare(device, prepared),
  );
  const kinds = prepared.flatMap(({ program }) => program.nodes)
    .map((node) => operation(node.op).variants?.kindOf(node)).filter((kind) => kind !== undefined);
  for (const variant of variants) {
    Deno.test({
      name: `${name} equals its float64 oracle by ${variant} [webgpu]`,
      ignore: testDevices.find((device) => device.name === "webgpu")!.ignore,
      async fn() {
        const tuning = Object.fromEntries(kinds.map((kind) => [kind, variant]));
        await compare(await createWebgpuDevice({ tuning }), prepared);
      },
    });
  }
}

async function compare<I extends string>(
  device: Device,
  prepared: readonly ReturnType<typeof prepare<I>>[],
): Promise<void> {
  const executor = await device.load(prepared.map(({ program }) => program));
  try {
    for (const { program, data, dy, outputs, expected, tolerance } of prepared) {
      for (const [buffer, values] of Object.entries<BufferData>(data)) {
        executor.write(`${program.name} ${buffer}`, values);
      }
      executor.write(`${program.name} dy`, dy);
      executor.run(program.name);
      for (const output of outputs) {
        const actual = await executor.read(`${program.name} ${output}`);
        assertClose(actual, expected[output], tolerance, `${program.name} ${output}`);
      }
    }
  } finally {
    await executor.close();
  }
}

function prepare<I extends string>(testCase: OpCase<I>) {
  const program = createProgram(testCase.name);
  const names = Object.keys(testCase.inputs) as I[];
  const data = {} as Record<I, BufferData>;
  const seen = {} as Record<I, BufferData>;
  const tensors = {} as Record<I, Tensor>;
  for (const name of names) {
    const { shape, data: given, stored } = testCase.inputs[name];
    const values = given ?? normalNumbers(`${testCase.name} ${name}`, elementCount(shape));
    data[name] = values;
    const width = shape[shape.length - 1];
    seen[name] = stored ? roundedTo(stored, values as Float32Array, width) : values;
    const dtype = stored ?? (values instanceof Uint32Array ? "u32" : "f32");
    const role = stored ? "weight" : "input";
    tensors[name] = bufferTensor(program, role, `${program.name} ${name}`, shape, dtype);
  }
  const y = testCase.build(program, tensors);
  const dy = normalNumbers(`${testCase.name} dy`, elementCount(y.shape));
  const expected = testCase.oracle(seen, dy);
  const wrt = Object.keys(expected.gradients) as I[];
  const seed = bufferTensor(program, "input", `${program.name} dy`, y.shape);
  placeIn(
    program,
    gradients(program, y, wrt.map((name) => tensors[name]), seed),
    wrt.map((name) =>
      bufferTensor(program, "output", `${program.name} d${name}`, tensors[name].shape)
    ),
  );
  keepAs(program, y, `${program.name} y`);
  const all: Record<string, Numbers> = { y: expected.y };
  for (const name of wrt) all[`d${name}`] = expected.gradients[name]!;
  return {
    program: lower(program),
    data,
    dy,
    outputs: Object.keys(all),
    expected: all,
    tolerance: testCase.tolerance ?? 2e-5,
  };
}
