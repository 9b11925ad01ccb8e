/** Finds a Python with PyTorch. @module */

import { pythonProgram } from "../harness/programs.ts";

/** PyTorch as it was found. */
export interface Torch {
  readonly python: string;
  readonly facts: {
    readonly pytorch: string;
    readonly threads: number;
    readonly blas: string;
  };
}

/** The first of some interpreters that imports torch; undefined where none does. */
export async function findTorch(
  interpreters: readonly string[],
  threads: number,
): Promise<Torch | undefined> {
  for (const python of interpreters) {
    const { program, args } = pythonProgram(python, "torch_facts.py", { threads });
    try {
      const { success, stdout } = await new Deno.Command(program, { args: [...args] }).output();
      if (success) return { python, facts: JSON.parse(new TextDecoder().decode(stdout)) };
    } catch {
      // It is not there, cannot be started, or is no Python.
    }
  }
  return undefined;
}

/**
 * The core type that suits a processor best among OpenBLAS's kernels, by the flags of Linux's /proc/cpuinfo; undefined where OpenBLAS takes it by itself,
 * or is not used. An OpenBLAS older than the processor may take the kernels of a much older one.
 */
export function betterCoreType(blas: string, cpuinfo: string): string | undefined {
  const chosen = /^OpenBLAS, core type (\w+)/.exec(blas)?.[1].toLowerCase();
  if (chosen === undefined) return undefined;
  const flags = new Set((/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? "").split(" "));
  if (flags.has("avx512f")) return OF_AVX512.includes(chosen) ? undefined : "SkylakeX";
  if (flags.has("avx2")) return OF_AVX2.includes(chosen) ? undefined : "Haswell";
  return undefined;
}

const OF_AVX512 = ["skylakex", "cooperlake", "sapphirerapids"];
const OF_AVX2 = ["haswell", "zen", "excavator"];
