/** Products of a matrix and one vector by WebAssembly SIMD on the device's shared memory. @module */

import type { MatvecFunctions } from "./matvec.ts";
import { type MatvecExports, matvecModule } from "./matvec_kernel.ts";
import { compileBest } from "./wasm_module.ts";

/** The best module this runtime validates, for {@linkcode createMatvec}; undefined where it has no WebAssembly SIMD. */
export function compileMatvec(): WebAssembly.Module | undefined {
  return compileBest(matvecModule);
}

/** Products over views of `memory`, in float32: a row as interleaved sums, in an order that depends on the number of its columns alone. */
export function createMatvec(
  memory: WebAssembly.Memory,
  module: WebAssembly.Module,
): MatvecFunctions {
  const instance = new WebAssembly.Instance(module, { engine: { memory } });
  const code = instance.exports as unknown as MatvecExports;
  const buffer = memory.buffer;

  /** Address of an element of a view. */
  const at = (view: Float32Array | Float16Array | Int8Array, element: number): number => {
    if (view.buffer !== buffer) {
      throw new TypeError("Cannot multiply a vector that does not lie in the device's memory");
    }
    return view.byteOffset + view.BYTES_PER_ELEMENT * element;
  };
  const dots = { 4: code.dotFloats, 2: code.dotHalves, 1: code.dotBytes } as const;

  return {
    dot(call, begin, end) {
      const { matrix, matrixOffset, matrixRow, scales, vector, vectorOffset, addend } = call;
      const size = matrix.BYTES_PER_ELEMENT as keyof typeof dots;
      dots[size](
        at(call.y, call.yOffset + begin),
        at(matrix, matrixOffset + begin * matrixRow),
        size * matrixRow,
        scales ? at(scales, begin) : 0,
        at(vector, vectorOffset),
        addend ? at(addend.view, addend.offset + begin) : 0,
        end - begin,
        call.columns,
        addend ? 1 : 0,
        call.factor,
      );
    },
    sumRows(
      { matrix, matrixOffset, matrixRow, rows, columns, weights, weightsOffset, y, yOffset },
    ) {
      code.sumRows(
        at(y, yOffset),
        at(matrix, matrixOffset),
        4 * matrixRow,
        at(weights, weightsOffset),
        rows,
        columns,
      );
    },
    softmax: (x, offset, count) => code.softmax(at(x, offset), count),
  };
}
