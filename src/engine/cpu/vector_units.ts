/** CPU functions of elementwise operations that call a vector function. @module */

import { elementwiseCpu } from "../kernel_call.ts";
import type { CpuArguments, CpuFunction } from "../op.ts";
import type { Node } from "../program.ts";
import type { VectorFunctions } from "./vector.ts";

/** As `elementwiseCpu`, with units cut alike; `run` is also given the vector functions. */
export function vectorCpu(
  elements: (node: Node) => number,
  run: (
    vector: VectorFunctions,
    node: Node,
    tensors: CpuArguments,
    begin: number,
    end: number,
  ) => void,
): CpuFunction {
  return {
    units: elementwiseCpu(elements, () => {}).units,
    run: (node, tensors, begin, end, context) =>
      elementwiseCpu(elements, (...range) => run(context.vector, ...range))
        .run(node, tensors, begin, end, context),
  };
}
