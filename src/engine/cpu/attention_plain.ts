/** Attention in plain TypeScript, for runtimes without WebAssembly SIMD and as an independent check of the WebAssembly one. @module */

import { type AttentionCall, type AttentionFunctions, spansOf, unitOf } from "./attention.ts";

/** Attention over any views, in float64, one query at a time. */
export const plainAttention: AttentionFunctions = {
  forward(call, begin, end) {
    const { v, context, logSumExp, headSize, tokens, heads } = call;
    const weights = new Float64Array(tokens);
    forEachQuery(call, begin, end, (place) => {
      const { entry, head, query, queryStart, visible, keyStart } = place;
      let highest = -Infinity;
      for (let j = 0; j < visible; j++) {
        weights[j] = score(call, place, j);
        highest = Math.max(highest, weights[j]);
      }
      let sum = 0;
      context.fill(0, queryStart, queryStart + headSize);
      for (let j = 0; j < visible; j++) {
        weights[j] = weights[j] === -Infinity ? 0 : Math.exp(weights[j] - highest);
        sum += weights[j];
      }
      for (let d = 0; d < headSize && sum > 0; d++) {
        let value = 0;
        for (let j = 0; j < visible; j++) value += weights[j] * v[keyStart(j) + d];
        context[queryStart + d] = value / sum;
      }
      if (logSumExp) {
        logSumExp[(entry * heads + head) * tokens + query] = sum > 0 ? highest + Math.log(sum) : 0;
      }
    });
  },
  backward(call, begin, end) {
    const { q, k, v, logSumExp, dcontext, dq, dk, dv } = call;
    const { headSize, tokens, heads, keyHeads, scale } = call;
    const p = new Float64Array(tokens), dp = new Float64Array(tokens);
    for (let unit = begin; unit < end; unit++) {
      for (let j = 0; j < tokens; j++) {
        const start = unitOf(call, unit).keyStart + j * keyHeads * headSize;
        dk.fill(0, start, start + headSize);
        dv.fill(0, start, start + headSize);
      }
    }
    forEachQuery(call, begin, end, (place) => {
      const { entry, head, query, queryStart, visible, keyStart } = place;
      const total = logSumExp[(entry * heads + head) * tokens + query];
      let mean = 0;
      for (let j = 0; j < visible; j++) {
        const start = keyStart(j);
        p[j] = Math.exp(score(call, place, j) - total);
        dp[j] = 0;
        for (let d = 0; d < headSize; d++) dp[j] += dcontext[queryStart + d] * v[start + d];
        mean += p[j] * dp[j];
      }
      dq.fill(0, queryStart, queryStart + headSize);
      for (let j = 0; j < visible; j++) {
        const start = keyStart(j);
        const ds = scale * p[j] * (dp[j] - mean);
        for (let d = 0; d < headSize; d++) {
          dv[start + d] += p[j] * dcontext[queryStart + d];
          dk[start + d] += ds * q[queryStart + d];
          dq[queryStart + d] += ds * k[start + d];
        }
      }
    });
  },
};

/** One query of one head. */
interface Query {
  readonly entry: number;
  readonly head: number;
  readonly query: number;
  /** Position of its first element in q and context. */
  readonly queryStart: number;
  /** Place of the first key that it may see. */
  readonly firstKey: number;
  /** Keys from there on that are not hidden by their place; the mask may hide some of them. */
  readonly visible: number;
  /** Position of a key's first element in k and v, counted from the first one that the query may see. */
  keyStart(key: number): number;
}

function forEachQuery(
  call: AttentionCall,
  begin: number,
  end: number,
  visit: (query: Query) => void,
): void {
  const { tokens, heads, keyHeads, headSize, causal } = call;
  for (let unit = begin; unit < end; unit++) {
    const { entry, keyStart: start, queryHeads } = unitOf(call, unit);
    for (const { first, queries, keys } of spansOf(call, entry)) {
      const keyStart = (key: number) => start + (first + key) * keyHeads * headSize;
      for (const head of queryHeads) {
        for (let place = 0; place < queries; place++) {
          const query = first + place;
          const queryStart = ((entry * tokens + query) * heads + head) * headSize;
          const visible = causal ? Math.min(keys, place + 1) : keys;
          visit({ entry, head, query, queryStart, firstKey: first, visible, keyStart });
        }
      }
    }
  }
}

/** The scaled score of a key, −∞ where the mask hides it. */
function score(
  { q, k, mask, tokens, headSize, scale }: AttentionCall,
  { entry, queryStart, firstKey, keyStart }: Query,
  key: number,
): number {
  if (mask[entry * tokens + firstKey + key] === 0) return -Infinity;
  const start = keyStart(key);
  let product = 0;
  for (let d = 0; d < headSize; d++) product += q[queryStart + d] * k[start + d];
  return scale * product;
}
