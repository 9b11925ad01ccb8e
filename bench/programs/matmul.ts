/**
 * A product of two square float32 matrices by the engine, as a program of its own: `deno run -A bench/programs/matmul.ts --device cpu|webgpu
 * [--size 1024] [--threads 2]`
 */

import { product } from "../../src/engine/ops/matmul.ts";
import { bufferTensor, createProgram, keepAs } from "../../src/engine/program.ts";
import { readArguments } from "../harness/arguments.ts";
import { deviceFacts, openDevice } from "../harness/devices.ts";
import { normals } from "../harness/random_values.ts";
import { repeat } from "../harness/repetitions.ts";

const options = readArguments(Deno.args);
const { size = 1024 } = options;

const program = createProgram("product");
const [a, b] = ["a", "b"].map((name) => bufferTensor(program, "input", name, [size, size]));
keepAs(program, product(program, a, b), "c");
const executor = await (await openDevice(options)).load([program]);
for (const name of ["a", "b"]) executor.write(name, normals(size * size, 1));

await repeat({ ...deviceFacts(executor.device), size }, async (times) => {
  for (let i = 0; i < times; i++) executor.run("product");
  await executor.read("c", 0, 1);
}, options);
await executor.close();
