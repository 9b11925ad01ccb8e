/** The WebAssembly code of the elementwise vector functions, and the module of them all. @module */

import { ACTIVATION_KINDS, type ActivationKind } from "../ops/activation_functions.ts";
import { activationAt } from "./vector_activations.ts";
import {
  add,
  type Elements,
  multiply,
  overElements,
  type VectorCode,
  vectorFunction,
} from "./vector_code.ts";
import { columnSumsFunction, layerNormParametersFunction } from "./vector_columns.ts";
import {
  exponentialsFunction,
  exponentialSumFunction,
  highestFunction,
} from "./vector_cross_entropy.ts";
import {
  layerNormBackwardFunction,
  layerNormFunction,
  rmsNormBackwardFunction,
  rmsNormFunction,
} from "./vector_norms.ts";
import { adamwFunction, squareSumFunction } from "./vector_optimizer.ts";
import { addRowsFunction, clearRowsFunction } from "./vector_scatter.ts";
import { softmaxBackwardFunction, softmaxFunction } from "./vector_softmax.ts";
import { encodeModule, get, type WasmFunction } from "./wasm_module.ts";

/** A function of the module. Addresses and strides count bytes. */
type Export = (...values: number[]) => void;

/** What the module exports; parameters stand with each function's code. */
export type VectorExports = Record<
  | "add"
  | "softmax"
  | "softmaxBackward"
  | "layerNorm"
  | "layerNormBackward"
  | "rmsNorm"
  | "rmsNormBackward"
  | "columnSums"
  | "layerNormParameters"
  | "clearRows"
  | "addRows"
  | "highest"
  | "exponentialSum"
  | "exponentials"
  | "squareSum"
  | "adamw"
  | `${"value" | "derivative" | "gate" | "gateBackward"} ${ActivationKind}`,
  Export
>;

/** Bytes of the module; `fused` evaluates polynomials in one rounding a step. */
export function vectorModule(fused: boolean): Uint8Array<ArrayBuffer> {
  const kinds = Object.keys(ACTIVATION_KINDS) as ActivationKind[];
  return encodeModule([
    elementwise("add", 3, (_, { load, store }) => store(2, add(load(0), load(1)))),
    ...kinds.flatMap((kind) => activationFunctions(kind, fused)),
    softmaxFunction(),
    softmaxBackwardFunction(),
    layerNormFunction(),
    layerNormBackwardFunction(),
    rmsNormFunction(),
    rmsNormBackwardFunction(),
    columnSumsFunction(),
    layerNormParametersFunction(),
    clearRowsFunction(),
    addRowsFunction(),
    highestFunction(),
    exponentialSumFunction(fused),
    exponentialsFunction(fused),
    squareSumFunction(),
    adamwFunction(),
  ]);
}

/** name(address, …, count): a loop over elements of `arrays` arrays. */
export function elementwise(
  name: string,
  arrays: number,
  body: (code: VectorCode, elements: Elements) => void,
  fused = false,
): WasmFunction {
  const parameters = new Array<"i32">(arrays + 1).fill("i32");
  return vectorFunction(name, parameters, (code, locals) => {
    const addresses = locals.map(get);
    overElements(
      code,
      addresses[arrays],
      addresses.slice(0, arrays),
      (elements) => body(code, elements),
    );
  }, fused);
}

/** value(x, y), derivative(x, dy, dx), gate(a, b, y) and gateBackward(a, b, dy, da, db) of a kind, each with a count. */
function activationFunctions(kind: ActivationKind, fused: boolean): WasmFunction[] {
  return [
    elementwise(`value ${kind}`, 2, (code, { load, store }) => {
      store(1, activationAt(code, kind, load(0)).value());
    }, fused),
    elementwise(`derivative ${kind}`, 3, (code, { load, store }) => {
      const { derivative } = activationAt(code, kind, load(0));
      store(2, multiply(derivative(), load(1)));
    }, fused),
    elementwise(`gate ${kind}`, 3, (code, { load, store }) => {
      const { value } = activationAt(code, kind, load(0));
      store(2, multiply(value(), load(1)));
    }, fused),
    elementwise(`gateBackward ${kind}`, 5, (code, { load, store }) => {
      const { value, derivative } = activationAt(code, kind, load(0));
      const b = load(1), dy = load(2);
      const db = code.keep(multiply(value(), dy));
      store(3, multiply(derivative(), b, dy));
      store(4, db);
    }, fused),
  ];
}
