import assert from "node:assert/strict";
import { bufferTensor, createProgram, elementCount, keepAs } from "../../src/engine/program.ts";
import { lower } from "../../src/engine/lower.ts";
import { readModel } from "../../src/models/mod.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { normalNumbers } from "../engine/op_testing.ts";
import { runProgram } from "../engine/run_program.ts";
import { assertClose } from "../reference/compare.ts";
import { bertHead, llamaHead } from "./language_model_oracle.ts";
import { recordingContext } from "./support.ts";

const [N, C, V] = [7, 6, 13];
const sizes = {
  vocab_size: V,
  hidden_size: C,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  intermediate_size: 9,
  max_position_embeddings: 8,
};
const cases = [
  {
    name: "BERT with tied embeddings",
    config: { model_type: "bert", ...sizes },
    table: "bert.embeddings.word_embeddings.weight",
    oracle: bertHead,
  },
  {
    name: "BERT with an output table of its own",
    config: { model_type: "bert", tie_word_embeddings: false, ...sizes },
    table: "cls.predictions.decoder.weight",
    oracle: bertHead,
  },
  {
    name: "Llama with tied embeddings",
    config: { model_type: "llama", tie_word_embeddings: true, ...sizes },
    table: "model.embed_tokens.weight",
    oracle: llamaHead,
  },
  {
    name: "Llama with an output table of its own",
    config: { model_type: "llama", ...sizes },
    table: "lm_head.weight",
    oracle: llamaHead,
  },
] as const;

for (const { name, config, table, oracle } of cases) {
  onEveryDevice(`languageModel.logits() of ${name} equal the float64 head's`, async (device) => {
    const model = readModel(config);
    const program = createProgram("head");
    const { context, requests } = recordingContext(program, 1, 1);
    const states = bufferTensor(program, "input", "states", [N, C]);
    keepAs(program, model.languageModel!.logits(context, states), "logits");
    const weights = Object.fromEntries(
      [...requests.weights].map(([name, shape]) => [
        name,
        normalNumbers(`head ${name}`, elementCount(shape)),
      ]),
    );
    assert.ok(Object.hasOwn(weights, table), "the head reads its table");
    const inputs = { states: normalNumbers("states", N * C), ...weights };
    const { logits } = await runProgram(device, lower(program), inputs, ["logits"]);
    assertClose(
      Array.from(logits),
      oracle(inputs.states, weights, table, { N, C, V }),
      2e-5,
      "logits",
    );
  });
}

Deno.test("languageModel is there for BERT and Llama alone", () => {
  const objective = (config: Record<string, unknown>) => readModel(config).languageModel?.objective;
  assert.equal(objective({ model_type: "bert", ...sizes }), "masked");
  assert.equal(objective({ model_type: "llama", ...sizes }), "next");
  assert.equal(objective({ model_type: "roberta", ...sizes }), undefined);
});
