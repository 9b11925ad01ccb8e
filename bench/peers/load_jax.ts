/** Loads jax-js, which only these programs use. @module */

import { prepareGraphics } from "../../src/cli/graphics.ts";
import type { Facts } from "../harness/repetitions.ts";

/** Not a literal in the import, so that nothing but a peer's own run resolves it: no type check, no lock file. */
export const JAX = "npm:@jax-js/jax@0.1.25";

/** The package, computing on WebAssembly or WebGPU by default. */
// deno-lint-ignore no-explicit-any -- the package's types are not there when it is not.
export async function loadJax(device: "cpu" | "webgpu"): Promise<{ jax: any; facts: Facts }> {
  prepareGraphics();
  const jax = await import(JAX);
  const backend = device === "cpu" ? "wasm" : "webgpu";
  const found: readonly string[] = await jax.init(backend);
  if (!found.includes(backend)) throw new Error(`Cannot use jax-js: it found no ${backend}`);
  jax.defaultDevice(backend);
  return { jax, facts: { peer: JAX, backend } };
}
