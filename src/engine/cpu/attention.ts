/** Attention for the CPU device, without a matrix of all scores: what its two implementations share. @module */

/** softmax(scale·q·kᵀ)·v for every head, over the keys a query may see. */
export interface AttentionCall {
  /** [B,T,H·D]. */
  readonly q: Float32Array;
  /** [B,T,Hkv·D]: H / Hkv query heads share a key head. */
  readonly k: Float32Array;
  /** [B,T,Hkv·D]. */
  readonly v: Float32Array;
  /** [B,T], 0 where a key is hidden from all. */
  readonly mask: Uint32Array;
  readonly tokens: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headSize: number;
  readonly scale: number;
  /** Hides the keys after the query. */
  readonly causal: boolean;
}

/** {@linkcode AttentionCall} forward. A query without a visible key gets 0, and 0 for its log-sum-exp. */
export interface AttentionForwardCall extends AttentionCall {
  /** [B,T,H·D]. */
  readonly context: Float32Array;
  /** [B,H,T]: log Σ exp of the scaled scores that a query sees, where it is wanted. */
  readonly logSumExp: Float32Array | undefined;
}

/** {@linkcode AttentionCall} backward. */
export interface AttentionBackwardCall extends AttentionCall {
  /** [B,H,T], as the forward pass left it. */
  readonly logSumExp: Float32Array;
  /** [B,T,H·D]; likewise dq. */
  readonly dcontext: Float32Array;
  readonly dq: Float32Array;
  /** [B,T,Hkv·D]; likewise dv. */
  readonly dk: Float32Array;
  readonly dv: Float32Array;
}

/** Both directions, for units [begin, end): a unit is a batch entry's key head with the query heads that share it. */
export interface AttentionFunctions {
  forward(call: AttentionForwardCall, begin: number, end: number): void;
  backward(call: AttentionBackwardCall, begin: number, end: number): void;
}

/** The keys up to the last one that a batch entry's mask shows. */
export function keysInUse({ mask, tokens }: AttentionCall, entry: number): number {
  let keys = tokens;
  while (keys > 0 && mask[entry * tokens + keys - 1] === 0) keys--;
  return keys;
}

/** What a unit is about. */
export interface AttentionUnit {
  readonly entry: number;
  /** Position of its first element in k and v. */
  readonly keyStart: number;
  /** The query heads that share its key head. */
  readonly queryHeads: readonly number[];
}

/** The unit at a position. */
export function unitOf(
  { tokens, heads, keyHeads, headSize }: AttentionCall,
  unit: number,
): AttentionUnit {
  const entry = Math.floor(unit / keyHeads), keyHead = unit % keyHeads;
  const group = heads / keyHeads;
  return {
    entry,
    keyStart: (entry * tokens * keyHeads + keyHead) * headSize,
    queryHeads: Array.from({ length: group }, (_, i) => keyHead * group + i),
  };
}
