/** The loss of a language model's predictions, and its gradient, by parts. */

import assert from "node:assert/strict";
import { gradients } from "../../src/engine/gradients.ts";
import { lower } from "../../src/engine/lower.ts";
import { bufferTensor, createProgram, keepAs } from "../../src/engine/program.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import { partSize, predictionsOf, tokenLoss } from "../../src/lora/token_loss.ts";
import { readModel } from "../../src/models/mod.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { normalNumbers, wholeNumbers } from "../engine/op_testing.ts";
import { runProgram } from "../engine/run_program.ts";
import { recordingContext } from "../models/support.ts";
import { assertClose } from "../reference/compare.ts";
import { crossEntropy } from "../reference/cross_entropy.ts";
import { finiteDifference } from "../reference/finite_difference.ts";
import { linear } from "../reference/linear.ts";
import type { Numbers } from "../reference/numbers.ts";

const [B, T, C, V] = [3, 50, 6, 11];
const P = predictionsOf(B, T);
const TABLE = "model.embed_tokens.weight";
const model = readModel({
  model_type: "llama",
  vocab_size: V,
  hidden_size: C,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  intermediate_size: 9,
  max_position_embeddings: T,
  tie_word_embeddings: true,
});

const hidden = normalNumbers("hidden", B * T * C);
const table = normalNumbers("table", V * C);
// One place is predicted from twice, some not at all, and a tenth of the predictions is padding.
const places = wholeNumbers("places", P, B * T);
const labels = wholeNumbers("labels", P, V);
const weights = normalNumbers("weights", P).map((weight, p) => p < 0.9 * P ? weight ** 2 : 0);

/** The losses [P] of hidden states, in float64. */
function losses(states: Numbers): Float64Array {
  const rows = Float64Array.from({ length: P * C }, (_, i) => {
    return states[places[Math.floor(i / C)] * C + i % C];
  });
  const logits = linear(rows, table, undefined, { N: P, K: C, M: V });
  return crossEntropy(logits, labels, weights, { N: P, L: V });
}

const expected = losses(hidden);
const gradient = finiteDifference(losses, hidden, new Float64Array(P).fill(1));

// In one part, in two, and in three of which the last is short.
for (const part of [192, 128, 64]) {
  onEveryDevice(
    `tokenLoss() in parts of ${part} is the oracle's loss, and its gradient by finite differences`,
    async (device) => {
      const program = createProgram("tokens");
      const { context } = recordingContext(program, B, T);
      const states = bufferTensor(program, "input", "hidden", [B, T, C]);
      const told = tokenLoss(context, model, states, { predictions: P, training: true, part });
      const [dhidden] = gradients(program, told.gradientOf, [states], told.seed);
      keepAs(program, dhidden, "dhidden");
      const inputs = {
        hidden,
        [TABLE]: table,
        [BUFFERS.places]: places,
        [BUFFERS.labels]: labels,
        [BUFFERS.weights]: weights,
      };
      const outputs = ["prediction losses", "dhidden"] as const;
      const actual = await runProgram(device, lower(program), inputs, outputs);
      assertClose(actual["prediction losses"], expected, 1e-5, "losses");
      assertClose(actual.dhidden, gradient, 1e-5, "dhidden");
    },
  );
}

Deno.test("tokenLoss() computes no gradient where nothing is trained", () => {
  const program = createProgram("tokens");
  const { context } = recordingContext(program, B, T);
  const states = bufferTensor(program, "input", "hidden", [B, T, C]);
  const { seed } = tokenLoss(context, model, states, { predictions: P, training: false, part: 64 });
  assert.equal(seed, undefined);
  const operations = new Set(lower(program).nodes.map(({ op }) => op));
  assert.deepEqual([...operations].sort(), ["cross_entropy", "embedding", "matmul"]);
});

Deno.test("tokenLoss() keeps no more logits than a part's at a time", () => {
  const program = createProgram("tokens");
  const { context } = recordingContext(program, B, T);
  const states = bufferTensor(program, "input", "hidden", [B, T, C]);
  tokenLoss(context, model, states, { predictions: P, training: true, part: 64 });
  const { nodes } = lower(program);
  const logits = nodes.flatMap(({ op, outputs }, made) =>
    op === "matmul" && outputs[0].shape[1] === V ? [{ id: outputs[0].id, made }] : []
  );
  const lives = logits.map(({ id, made }) => ({
    made,
    last: nodes.findLastIndex(({ inputs }) => inputs.some((input) => input.id === id)),
  }));
  assert.equal(lives.length, 3);
  lives.slice(1).forEach(({ made }, i) => assert.ok(lives[i].last < made));
});

Deno.test("tokenLoss() refuses a model that does not predict the next token", () => {
  const program = createProgram("tokens");
  const { context } = recordingContext(program, B, T);
  const states = bufferTensor(program, "input", "hidden", [B, T, C]);
  const encoder = { ...model, family: "bert", languageModel: undefined } as unknown as typeof model;
  assert.throws(
    () => tokenLoss(context, encoder, states, { predictions: P, training: true }),
    /Cannot predict the next token by a model of family "bert": expected a decoder/,
  );
});

Deno.test("partSize() holds logits within the bytes given, in multiples of 64", () => {
  assert.equal(partSize(1000, 4 * 1000 * 200), 192);
  assert.equal(partSize(2048), 4096);
  assert.equal(partSize(10 ** 9), 64);
  // GPT-2, Llama 3 and Qwen2
  assert.deepEqual([50_257, 128_256, 151_936].map((vocabulary) => partSize(vocabulary)), [
    128,
    64,
    64,
  ]);
});
