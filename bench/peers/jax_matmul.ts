/**
 * A product of two square float32 matrices in jax-js: `deno run -A --no-lock bench/peers/jax_matmul.ts --device cpu|webgpu [--size 1024]`. On the CPU it
 * takes as many threads as there are processors.
 */

import { readArguments } from "../harness/arguments.ts";
import { normals } from "../harness/random_values.ts";
import { repeat } from "../harness/repetitions.ts";
import { loadJax } from "./load_jax.ts";

const options = readArguments(Deno.args);
const { size = 1024 } = options;
const { jax, facts } = await loadJax(options.device);
const { numpy: np } = jax;

const [a, b] = [0, 1].map(() => np.array(normals(size * size, 1)).reshape([size, size]));
const product = jax.jit((x: typeof a, y: typeof b) => np.matmul(x, y));

/** Products that may wait at once. jax-js skips what is disposed of before it ran, so each is waited for. */
const PENDING = 8;

await repeat({ ...facts, size }, async (times) => {
  for (let done = 0; done < times; done += PENDING) {
    const products = Array.from(
      { length: Math.min(PENDING, times - done) },
      () => product(a.ref, b.ref),
    );
    await jax.blockUntilReady(products);
    for (const c of products) c.dispose();
  }
}, options);
Deno.exit(0);
