import assert from "node:assert/strict";
import { betterCoreType, findTorch } from "../../../bench/peers/find_torch.ts";

const FLAGS = "processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f\nbugs\t: none\n";

Deno.test("betterCoreType() names kernels of the processor's own vectors where OpenBLAS took lesser ones", () => {
  const blas = (core: string) => `OpenBLAS, core type ${core}, 2 threads`;
  assert.equal(betterCoreType(blas("Prescott"), FLAGS), "SkylakeX");
  assert.equal(betterCoreType(blas("Haswell"), FLAGS), "SkylakeX");
  assert.equal(betterCoreType(blas("Cooperlake"), FLAGS), undefined);
  const older = FLAGS.replace(" avx512f", "");
  assert.equal(betterCoreType(blas("Prescott"), older), "Haswell");
  assert.equal(betterCoreType(blas("Zen"), older), undefined);
});

Deno.test("betterCoreType() is absent without OpenBLAS or without knowledge of the processor", () => {
  assert.equal(betterCoreType("MKL", FLAGS), undefined);
  assert.equal(betterCoreType("OpenBLAS, core type Prescott, 2 threads", ""), undefined);
});

Deno.test("findTorch() is undefined where no interpreter has it", async () => {
  const interpreters = ["hafl-no-such-python", new URL(".", import.meta.url).pathname, "true"];
  assert.equal(await findTorch(interpreters, 2), undefined);
});
