import { mapNumbers, type Numbers, requireLength } from "./numbers.ts";
import { silu, siluBackward } from "./silu.ts";

/** Gradients of {@link siluGate}, both of the operands' length. */
export interface SiluGateGradients {
  readonly da: Float64Array;
  readonly db: Float64Array;
}

/** silu(a)∘b, the gate of Llama's feed-forward block (SwiGLU, Shazeer 2020). */
export function siluGate(a: Numbers, b: Numbers): Float64Array {
  requireLength("b", b, a.length);
  return mapNumbers(silu(a), (gate, i) => gate * b[i]);
}

/** Gradients of {@link siluGate}: da = dY∘b∘silu′(a), db = dY∘silu(a). */
export function siluGateBackward(dY: Numbers, a: Numbers, b: Numbers): SiluGateGradients {
  requireLength("dY", dY, a.length);
  requireLength("b", b, a.length);
  return {
    da: siluBackward(mapNumbers(dY, (g, i) => g * b[i]), a),
    db: mapNumbers(silu(a), (gate, i) => dY[i] * gate),
  };
}
