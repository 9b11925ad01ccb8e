/**
 * Reading as many bytes as a token reads of a decoder's weights, on all threads: `deno run -A bench/generate/read.ts --shape gpt2|gpt2-f16|gpt2-int8
 * [--threads 2]`. What memory allows at most: no token is generated faster.
 */

import { CONTROL_BYTES, LEAVE } from "../../src/engine/cpu/control.ts";
import { readArguments } from "../harness/arguments.ts";
import { repeat } from "../harness/repetitions.ts";
import { bytesOfToken, decoderOf } from "./decoders.ts";
import {
  compileReadLoop,
  readControl,
  readPages,
  readPart,
  type ReadSetup,
  TURN_BYTES,
} from "./read_loop.ts";

const READ = 0;

const options = readArguments(Deno.args);
const { threads } = options;
const part = Math.ceil(bytesOfToken(decoderOf(options.shape)) / threads / TURN_BYTES) * TURN_BYTES;
const pages = readPages({ threads, part });
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
// Untouched pages would all be one page of zeros.
new Float32Array(memory.buffer, CONTROL_BYTES).fill(1);
const setup: ReadSetup = { memory, module: compileReadLoop(), threads, index: 0, part };
const control = readControl(setup);
const read = readPart(setup);
await Promise.all(
  Array.from({ length: threads - 1 }, (_, i) => {
    const worker = new Worker(new URL("./read_worker.ts", import.meta.url), { type: "module" });
    const ready = new Promise((resolve) => worker.onmessage = resolve);
    worker.postMessage({ ...setup, index: i + 1 });
    return ready;
  }),
);

await repeat(
  { threads, bytes: threads * part },
  // deno-lint-ignore require-await
  async (times) => {
    for (let i = 0; i < times; i++) {
      control.command(READ);
      read();
      control.barrier();
    }
  },
  options,
);
control.command(LEAVE);
