/**
 * A product of two square float32 matrices in TensorFlow.js on WebGPU: `deno run -A --no-lock bench/peers/tfjs_matmul.ts [--size 1024]`.
 */

import { prepareGraphics } from "../../src/cli/graphics.ts";
import { readArguments } from "../harness/arguments.ts";
import { normals } from "../harness/random_values.ts";
import { repeat } from "../harness/repetitions.ts";

/** Not literals in the imports, so that nothing but a peer's own run resolves them: no type check, no lock file. */
const [CORE, BACKEND] = ["core", "backend-webgpu"].map((name) =>
  `npm:@tensorflow/tfjs-${name}@4.22.0`
);

const options = readArguments(Deno.args);
const { size = 1024 } = options;
prepareGraphics();
const tf = await import(CORE);
await import(BACKEND);
if (!await tf.setBackend("webgpu")) {
  throw new Error("Cannot use TensorFlow.js: its WebGPU backend does not start");
}

const [a, b] = [0, 1].map(() => tf.tensor2d(normals(size * size, 1), [size, size]));

await repeat({ peer: BACKEND, size }, async (times) => {
  for (let i = 0; i < times; i++) {
    const c = tf.matMul(a, b);
    if (i === times - 1) {
      // Reading one element waits for all that was submitted before it.
      const element = tf.slice(c, [0, 0], [1, 1]);
      await element.data();
      element.dispose();
    }
    c.dispose();
  }
}, options);
Deno.exit(0);
