/** Vector functions in plain TypeScript, for runtimes without WebAssembly SIMD and as an independent check of the WebAssembly ones. @module */

import {
  activationDerivative,
  activationFunction,
  activationPair,
} from "../ops/activation_functions.ts";
import { IGNORED_LABEL } from "../ops/ignored_label.ts";
import type { VectorFunctions } from "./vector.ts";
import { plainOptimizer } from "./vector_optimizer_plain.ts";

/** Vector functions over any views, in float64. */
export const plainVector: VectorFunctions = {
  ...plainOptimizer,
  add(a, b, y, begin, end) {
    for (let i = begin; i < end; i++) y[i] = a[i] + b[i];
  },
  activation(kind, x, y, begin, end) {
    const f = activationFunction(kind);
    for (let i = begin; i < end; i++) y[i] = f(x[i]);
  },
  activationBackward(kind, x, dy, dx, begin, end) {
    const f = activationDerivative(kind);
    for (let i = begin; i < end; i++) dx[i] = f(x[i]) * dy[i];
  },
  gate(kind, a, b, y, begin, end) {
    const f = activationFunction(kind);
    for (let i = begin; i < end; i++) y[i] = f(a[i]) * b[i];
  },
  gateBackward(kind, { a, b, dy, da, db }, begin, end) {
    const both = activationPair(kind), result = new Float64Array(2);
    for (let i = begin; i < end; i++) {
      const gradient = dy[i];
      both(a[i], result);
      da[i] = result[1] * b[i] * gradient;
      db[i] = result[0] * gradient;
    }
  },
  maskedSoftmax(call, begin, end) {
    const { scores, mask, probabilities, heads, tokens, scale, causal, documents } = call;
    for (let row = begin; row < end; row++) {
      const start = row * tokens;
      const keys = Math.floor(row / (heads * tokens)) * tokens;
      const visible = causal ? row % tokens + 1 : tokens;
      const own = mask[keys + row % tokens];
      const sees = (j: number) => mask[keys + j] !== 0 && (!documents || mask[keys + j] === own);
      let highest = -Infinity;
      for (let j = 0; j < visible; j++) {
        if (sees(j) && scores[start + j] > highest) highest = scores[start + j];
      }
      let sum = 0;
      for (let j = 0; j < visible; j++) {
        const weight = sees(j) ? Math.exp(scale * (scores[start + j] - highest)) : 0;
        probabilities[start + j] = weight;
        sum += weight;
      }
      const factor = sum > 0 ? 1 / sum : 0;
      for (let j = 0; j < visible; j++) probabilities[start + j] *= factor;
      probabilities.fill(0, start + visible, start + tokens);
    }
  },
  maskedSoftmaxBackward({ p, dp, ds, width, scale }, begin, end) {
    for (let row = begin; row < end; row++) {
      const start = row * width;
      let sum = 0;
      for (let i = start; i < start + width; i++) sum += p[i] * dp[i];
      for (let i = start; i < start + width; i++) ds[i] = scale * p[i] * (dp[i] - sum);
    }
  },
  layerNorm({ x, gamma, beta, y, statistics, width, epsilon }, begin, end) {
    for (let row = begin; row < end; row++) {
      const start = row * width;
      let sum = 0;
      for (let c = 0; c < width; c++) sum += x[start + c];
      const mean = sum / width;
      let squares = 0;
      for (let c = 0; c < width; c++) {
        const centred = x[start + c] - mean;
        squares += centred * centred;
      }
      const rstd = 1 / Math.sqrt(squares / width + epsilon);
      for (let c = 0; c < width; c++) {
        y[start + c] = (x[start + c] - mean) * rstd * gamma[c] + beta[c];
      }
      if (statistics) {
        statistics[2 * row] = mean;
        statistics[2 * row + 1] = rstd;
      }
    }
  },
  layerNormBackward({ x, gamma, statistics, dy, dx, width }, begin, end) {
    for (let row = begin; row < end; row++) {
      const start = row * width;
      const mean = statistics[2 * row], rstd = statistics[2 * row + 1];
      let sum = 0, product = 0;
      for (let c = 0; c < width; c++) {
        const d = dy[start + c] * gamma[c];
        sum += d;
        product += d * (x[start + c] - mean) * rstd;
      }
      const meanD = sum / width, meanProduct = product / width;
      for (let c = 0; c < width; c++) {
        const h = (x[start + c] - mean) * rstd;
        dx[start + c] = rstd * (dy[start + c] * gamma[c] - meanD - h * meanProduct);
      }
    }
  },
  rmsNorm({ x, gamma, y, rstd, width, epsilon }, begin, end) {
    for (let row = begin; row < end; row++) {
      const start = row * width;
      let squares = 0;
      for (let c = 0; c < width; c++) squares += x[start + c] * x[start + c];
      const scale = 1 / Math.sqrt(squares / width + epsilon);
      for (let c = 0; c < width; c++) y[start + c] = x[start + c] * scale * gamma[c];
      if (rstd) rstd[row] = scale;
    }
  },
  rmsNormBackward({ x, gamma, rstd, dy, dx, width }, begin, end) {
    for (let row = begin; row < end; row++) {
      const start = row * width, scale = rstd[row];
      let product = 0;
      for (let c = 0; c < width; c++) product += dy[start + c] * gamma[c] * x[start + c] * scale;
      const meanProduct = product / width;
      for (let c = 0; c < width; c++) {
        dx[start + c] = scale * (dy[start + c] * gamma[c] - x[start + c] * scale * meanProduct);
      }
    }
  },
  columnSums({ x, y, rows, width }, begin, end) {
    const sums = new Float64Array(end - begin);
    for (let n = 0; n < rows; n++) {
      for (let c = begin; c < end; c++) sums[c - begin] += x[n * width + c];
    }
    y.set(sums, begin);
  },
  layerNormParameters({ x, statistics, dy, dgamma, dbeta, rows, width }, begin, end) {
    const scales = new Float64Array(end - begin), shifts = new Float64Array(end - begin);
    for (let n = 0; n < rows; n++) {
      const mean = statistics[2 * n], rstd = statistics[2 * n + 1];
      for (let c = begin; c < end; c++) {
        const d = dy[n * width + c];
        scales[c - begin] += d * (x[n * width + c] - mean) * rstd;
        shifts[c - begin] += d;
      }
    }
    dgamma.set(scales, begin);
    dbeta.set(shifts, begin);
  },
  scatterRows({ x, ids, table, width }, begin, end) {
    for (let row = 0; row < table.length; row += width) table.fill(0, row + begin, row + end);
    ids.forEach((id, n) => {
      for (let c = begin; c < end; c++) table[id * width + c] += x[n * width + c];
    });
  },
  crossEntropy({ logits, labels, weights, loss, logSums, width }, begin, end) {
    for (let row = begin; row < end; row++) {
      const start = row * width;
      let highest = -Infinity;
      for (let c = 0; c < width; c++) highest = Math.max(highest, logits[start + c]);
      let sum = 0;
      for (let c = 0; c < width; c++) sum += Math.exp(logits[start + c] - highest);
      const logSum = highest + Math.log(sum);
      loss[row] = labels[row] === IGNORED_LABEL
        ? 0
        : weights[row] * (logSum - logits[start + labels[row]]);
      if (logSums) logSums[row] = logSum;
    }
  },
  crossEntropyBackward({ logits, labels, weights, logSums, dloss, dlogits, width }, begin, end) {
    for (let row = begin; row < end; row++) {
      const start = row * width;
      const factor = labels[row] === IGNORED_LABEL ? 0 : dloss[row] * weights[row];
      for (let c = 0; c < width; c++) {
        const target = c === labels[row] ? 1 : 0;
        dlogits[start + c] = factor * (Math.exp(logits[start + c] - logSums[row]) - target);
      }
    }
  },
};
