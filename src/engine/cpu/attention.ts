/** Attention for the CPU device, without a matrix of all scores: what its two implementations share. @module */

/** softmax(scale·q·kᵀ)·v for every head, over the keys a query may see. */
export interface AttentionCall {
  /** [B,T,H·D]. */
  readonly q: Float32Array;
  /** [B,T,Hkv·D]: H / Hkv query heads share a key head. */
  readonly k: Float32Array;
  /** [B,T,Hkv·D]. */
  readonly v: Float32Array;
  /** [B,T], 0 where a key is hidden from all; where `documents`, the number of the token's document. */
  readonly mask: Uint32Array;
  readonly tokens: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headSize: number;
  readonly scale: number;
  /** Hides the keys after the query. */
  readonly causal: boolean;
  /** Hides the keys of other documents than the query's. */
  readonly documents?: boolean;
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

/** Queries in a row, and the keys that they see: those from the first query's place on. */
export interface AttentionSpan {
  /** Place of the first query, and of the first key. */
  readonly first: number;
  readonly queries: number;
  readonly keys: number;
}

/** What is one attention of its own in a batch entry: all of it, up to the last key that the mask shows; or each document. */
export function spansOf(call: AttentionCall, entry: number): AttentionSpan[] {
  const { mask, tokens } = call;
  const own = mask.subarray(entry * tokens, (entry + 1) * tokens);
  if (!call.documents) {
    let keys = tokens;
    while (keys > 0 && own[keys - 1] === 0) keys--;
    return [{ first: 0, queries: tokens, keys }];
  }
  const spans: AttentionSpan[] = [];
  for (let first = 0; first < tokens;) {
    let end = first + 1;
    while (end < tokens && own[end] === own[first]) end++;
    spans.push({ first, queries: end - first, keys: own[first] === 0 ? 0 : end - first });
    first = end;
  }
  return spans;
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
