/** Vector functions by WebAssembly SIMD on the device's shared memory. @module */

import { IGNORED_LABEL } from "../ops/ignored_label.ts";
import type { VectorFunctions } from "./vector.ts";
import { type VectorExports, vectorModule } from "./vector_kernel.ts";
import { compileBest } from "./wasm_module.ts";

/** The best module this runtime validates, for {@linkcode createVector}; undefined where it has no WebAssembly SIMD. */
export function compileVector(): WebAssembly.Module | undefined {
  return compileBest(vectorModule);
}

/**
 * Vector functions over views of `memory`, in float32: elements by the same instructions wherever they lie, sums over a row as four interleaved ones.
 */
export function createVector(
  memory: WebAssembly.Memory,
  module: WebAssembly.Module,
): VectorFunctions {
  const instance = new WebAssembly.Instance(module, { engine: { memory } });
  const code = instance.exports as unknown as VectorExports;
  const buffer = memory.buffer;

  /** Address of an element of a view. */
  const at = (view: Float32Array | Uint32Array, element: number): number => {
    if (view.buffer !== buffer) {
      throw new TypeError("Cannot compute on a vector that does not lie in the device's memory");
    }
    return view.byteOffset + 4 * element;
  };

  return {
    add: (a, b, y, begin, end) => code.add(at(a, begin), at(b, begin), at(y, begin), end - begin),
    activation: (kind, x, y, begin, end) =>
      code[`value ${kind}`](at(x, begin), at(y, begin), end - begin),
    activationBackward: (kind, x, dy, dx, begin, end) =>
      code[`derivative ${kind}`](at(x, begin), at(dy, begin), at(dx, begin), end - begin),
    gate: (kind, a, b, y, begin, end) =>
      code[`gate ${kind}`](at(a, begin), at(b, begin), at(y, begin), end - begin),
    gateBackward: (kind, { a, b, dy, da, db }, begin, end) =>
      code[`gateBackward ${kind}`](
        at(a, begin),
        at(b, begin),
        at(dy, begin),
        at(da, begin),
        at(db, begin),
        end - begin,
      ),
    maskedSoftmax(call, begin, end) {
      const { scores, mask, probabilities, heads, tokens, scale, causal } = call;
      const rowsOfEntry = heads * tokens;
      if (call.documents) {
        for (let row = begin; row < end; row++) {
          const entry = Math.floor(row / rowsOfEntry), query = row % tokens;
          const { first, last } = documentOf(mask, entry * tokens, tokens, query);
          probabilities.fill(0, row * tokens, (row + 1) * tokens);
          code.softmax(
            at(scores, row * tokens + first),
            at(mask, entry * tokens + first),
            at(probabilities, row * tokens + first),
            1,
            last + 1 - first,
            query - first,
            causal ? 1 : 0,
            scale,
          );
        }
        return;
      }
      for (let row = begin; row < end;) {
        const entry = Math.floor(row / rowsOfEntry);
        const next = Math.min(end, (entry + 1) * rowsOfEntry);
        code.softmax(
          at(scores, row * tokens),
          at(mask, entry * tokens),
          at(probabilities, row * tokens),
          next - row,
          tokens,
          row % tokens,
          causal ? 1 : 0,
          scale,
        );
        row = next;
      }
    },
    maskedSoftmaxBackward: ({ p, dp, ds, width, scale }, begin, end) =>
      code.softmaxBackward(
        at(p, begin * width),
        at(dp, begin * width),
        at(ds, begin * width),
        end - begin,
        width,
        scale,
      ),
    layerNorm: ({ x, gamma, beta, y, statistics, width, epsilon }, begin, end) =>
      code.layerNorm(
        at(x, begin * width),
        at(gamma, 0),
        at(beta, 0),
        at(y, begin * width),
        statistics ? at(statistics, 2 * begin) : 0,
        end - begin,
        width,
        epsilon,
      ),
    layerNormBackward: ({ x, gamma, statistics, dy, dx, width }, begin, end) =>
      code.layerNormBackward(
        at(x, begin * width),
        at(gamma, 0),
        at(statistics, 2 * begin),
        at(dy, begin * width),
        at(dx, begin * width),
        end - begin,
        width,
      ),
    rmsNorm: ({ x, gamma, y, rstd, width, epsilon }, begin, end) =>
      code.rmsNorm(
        at(x, begin * width),
        at(gamma, 0),
        at(y, begin * width),
        rstd ? at(rstd, begin) : 0,
        end - begin,
        width,
        epsilon,
      ),
    rmsNormBackward: ({ x, gamma, rstd, dy, dx, width }, begin, end) =>
      code.rmsNormBackward(
        at(x, begin * width),
        at(gamma, 0),
        at(rstd, begin),
        at(dy, begin * width),
        at(dx, begin * width),
        end - begin,
        width,
      ),
    columnSums({ x, y, rows, width }, begin, end) {
      y.fill(0, begin, end);
      inChunks(rows, (row, count) =>
        code.columnSums(
          at(x, row * width + begin),
          at(y, begin),
          count,
          end - begin,
          4 * width,
        ));
    },
    layerNormParameters({ x, statistics, dy, dgamma, dbeta, rows, width }, begin, end) {
      dgamma.fill(0, begin, end);
      dbeta.fill(0, begin, end);
      inChunks(rows, (row, count) =>
        code.layerNormParameters(
          at(x, row * width + begin),
          at(statistics, 2 * row),
          at(dy, row * width + begin),
          at(dgamma, begin),
          at(dbeta, begin),
          count,
          end - begin,
          4 * width,
        ));
    },
    scatterRows({ x, ids, table, width }, begin, end) {
      code.clearRows(at(table, begin), table.length / width, end - begin, 4 * width);
      code.addRows(
        at(table, begin),
        at(ids, 0),
        at(x, begin),
        ids.length,
        end - begin,
        4 * width,
      );
    },
    crossEntropy({ logits, labels, weights, loss, logSums, width }, begin, end) {
      for (let row = begin; row < end; row++) {
        const start = row * width;
        // The loss's own element carries what the code finds.
        code.highest(at(logits, start), at(loss, row), width);
        const highest = loss[row];
        code.exponentialSum(at(logits, start), at(loss, row), width, highest);
        const logSum = highest + Math.log(loss[row]);
        loss[row] = labels[row] === IGNORED_LABEL
          ? 0
          : weights[row] * (logSum - logits[start + labels[row]]);
        if (logSums) logSums[row] = logSum;
      }
    },
    crossEntropyBackward({ logits, labels, weights, logSums, dloss, dlogits, width }, begin, end) {
      for (let row = begin; row < end; row++) {
        const start = row * width;
        if (labels[row] === IGNORED_LABEL) {
          dlogits.fill(0, start, start + width);
          continue;
        }
        const factor = dloss[row] * weights[row];
        code.exponentials(at(logits, start), at(dlogits, start), width, logSums[row], factor);
        dlogits[start + labels[row]] -= factor;
      }
    },
    squareSum: ({ gradient, slots, settings }, sums, position, begin, end) =>
      code.squareSum(
        at(gradient, begin),
        at(slots, begin),
        at(settings, 0),
        at(sums, position),
        end - begin,
      ),
    adamw: (
      { gradient, dataGradient, slots, settings, clip, parameters, moments, sensitivity },
      begin,
      end,
    ) =>
      code.adamw(
        at(gradient, begin),
        at(dataGradient, begin),
        at(slots, begin),
        at(settings, 0),
        at(clip, 0),
        at(parameters, begin),
        at(moments, 2 * begin),
        at(sensitivity, 2 * begin),
        end - begin,
      ),
  };
}

/** Rows summed in one go: sums of sums keep float32 exact enough, and a chunk's cache lines serve four groups of columns. */
const CHUNK_ROWS = 64;

function inChunks(rows: number, sum: (row: number, count: number) => void): void {
  for (let row = 0; row < rows; row += CHUNK_ROWS) sum(row, Math.min(CHUNK_ROWS, rows - row));
}

/** Places of the first and the last token of a query's document, or of the padding around it, in a batch entry whose mask begins at `start`. */
function documentOf(
  mask: Uint32Array,
  start: number,
  tokens: number,
  query: number,
): { readonly first: number; readonly last: number } {
  const own = mask[start + query];
  let first = query, last = query;
  while (first > 0 && mask[start + first - 1] === own) first--;
  while (last < tokens - 1 && mask[start + last + 1] === own) last++;
  return { first, last };
}
