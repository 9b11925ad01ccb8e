/**
 * Attention by WebAssembly SIMD on the device's shared memory: head by head, a block of queries at a time against all keys in use. Nothing of the size
 * [T,T] exists; the backward pass computes a block's probabilities again from their log-sum-exp (Dao 2023).
 *
 * @module
 */

import {
  type AttentionBackwardCall,
  type AttentionForwardCall,
  type AttentionFunctions,
  spansOf,
  unitOf,
} from "./attention.ts";
import { type AttentionExports, attentionModule } from "./attention_kernel.ts";
import { attentionSteps } from "./attention_steps.ts";
import { layOutWorkspace } from "./attention_workspace.ts";
import { compileBest } from "./wasm_module.ts";

/** The best module this runtime validates; undefined where it has no WebAssembly SIMD. */
export function compileAttention(): WebAssembly.Module | undefined {
  return compileBest(attentionModule);
}

/** Bytes of working memory that a thread needs. */
export function attentionScratchBytes(tokens: number, headSize: number): number {
  return layOutWorkspace(0, tokens, headSize).bytes;
}

/**
 * Attention over views of `memory`, in float32.
 *
 * @param scratch Address of {@linkcode attentionScratchBytes} that no other thread uses, a multiple of 64
 */
export function createAttention(
  memory: WebAssembly.Memory,
  scratch: number,
  module: WebAssembly.Module,
): AttentionFunctions {
  const { exports } = new WebAssembly.Instance(module, { engine: { memory } });
  const code = exports as unknown as AttentionExports;
  const numbers = new Float32Array(memory.buffer);

  /** Address of an element of a view. */
  const at = (view: Float32Array, element: number): number => {
    if (view.buffer !== memory.buffer) {
      throw new TypeError("Cannot attend to what does not lie in the device's memory");
    }
    return view.byteOffset + 4 * element;
  };

  function forward(call: AttentionForwardCall, begin: number, end: number): void {
    const { q, k, v, context, logSumExp, tokens, heads, keyHeads, headSize, scale } = call;
    const steps = attentionSteps(code, numbers, scratch, call);
    const { space, queryRow } = steps;
    const { scoreRow, row } = space, causal = call.causal ? 1 : 0;
    for (let unit = begin; unit < end; unit++) {
      const { entry, keyStart, queryHeads } = unitOf(call, unit);
      for (const span of spansOf(call, entry)) {
        const { keys } = span, keyPlace = keyStart + span.first * keyHeads * headSize;
        steps.loadMask(entry, span);
        steps.loadKeys(space.k, at(k, keyPlace), keys);
        steps.loadKeys(space.v, at(v, keyPlace), keys);
        steps.turnKeys(space.kColumns, space.k, keys);
        for (const head of queryHeads) {
          for (const block of steps.blocks(span)) {
            const { rows, columns, visible } = block, query = span.first + block.first;
            const start = ((entry * tokens + query) * heads + head) * headSize;
            steps.load(space.q, at(q, start), rows, queryRow);
            steps.turnQueries(space.qColumns, space.q, rows);
            steps.scores(space.p, space.qColumns, space.kColumns, block);
            const { p, bias, highest, sums } = space;
            code.softmaxRows(
              p,
              bias,
              rows,
              columns,
              scoreRow,
              visible,
              causal,
              highest,
              sums,
              scale,
            );
            steps.mix(space.result, p, space.v, block);
            const total = (entry * heads + head) * tokens + query;
            for (let i = 0; i < rows; i++) {
              const sum = numbers[sums / 4 + i], top = numbers[highest / 4 + i];
              if (logSumExp) logSumExp[total + i] = sum === 0 ? 0 : top + Math.log(sum);
              numbers[sums / 4 + i] = sum === 0 ? 0 : 1 / sum;
            }
            code.scaleRows(at(context, start), space.result, rows, headSize, queryRow, row, sums);
          }
        }
      }
    }
  }

  function backward(call: AttentionBackwardCall, begin: number, end: number): void {
    const { q, k, v, logSumExp, dcontext, dq, dk, dv } = call;
    const { tokens, heads, keyHeads, headSize, scale } = call;
    const steps = attentionSteps(code, numbers, scratch, call);
    const { space, queryRow, keyRow } = steps;
    const { scoreRow, row } = space, causal = call.causal ? 1 : 0;
    for (let unit = begin; unit < end; unit++) {
      const { entry, keyStart, queryHeads } = unitOf(call, unit);
      for (const span of spansOf(call, entry)) {
        const { queries, keys } = span, keyPlace = keyStart + span.first * keyHeads * headSize;
        steps.loadMask(entry, span);
        steps.loadKeys(space.k, at(k, keyPlace), keys);
        steps.loadKeys(space.v, at(v, keyPlace), keys);
        steps.turnKeys(space.kColumns, space.k, keys);
        steps.turnKeys(space.vColumns, space.v, keys);
        let accumulate = false;
        for (const head of queryHeads) {
          for (const block of steps.blocks(span)) {
            const { rows, columns, visible } = block, query = span.first + block.first;
            const { p, dp, bias } = space;
            const start = ((entry * tokens + query) * heads + head) * headSize;
            const total = at(logSumExp, (entry * heads + head) * tokens + query);
            steps.load(space.q, at(q, start), rows, queryRow);
            steps.load(space.dcontext, at(dcontext, start), rows, queryRow);
            steps.turnQueries(space.qColumns, space.q, rows);
            steps.turnQueries(space.dcontextColumns, space.dcontext, rows);
            steps.scores(p, space.qColumns, space.kColumns, block);
            steps.scores(dp, space.dcontextColumns, space.vColumns, block);
            code.gradientRows(p, dp, bias, rows, columns, scoreRow, visible, causal, total, scale);
            steps.mixBack(space.dv, p, space.dcontext, block, accumulate);
            steps.mixBack(space.dk, dp, space.q, block, accumulate);
            steps.mix(space.result, dp, space.k, block);
            steps.save(at(dq, start), space.result, rows, queryRow);
            accumulate = true;
          }
        }
        for (const [target, source] of [[dk, space.dk], [dv, space.dv]] as const) {
          steps.clear(source + keys * row, (queries - keys) * row);
          steps.save(at(target, keyPlace), source, queries, keyRow);
        }
      }
    }
  }

  return { forward, backward };
}
