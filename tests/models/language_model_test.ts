import assert from "node:assert/strict";
import { bufferTensor, createProgram, elementCount, keepAs } from "../../src/engine/program.ts";
import { lower } from "../../src/engine/lower.ts";
import { readModel } from "../../src/models/mod.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { normalNumbers } from "../engine/op_testing.ts";
import { runProgram } from "../engine/run_program.ts";
import { assertClose } from "../reference/compare.ts";
import { bertHead, decoderHead } from "./language_model_oracle.ts";
import { goldenRows, GOLDENS, largestDifference, readGolden, recordingContext } from "./support.ts";

const [N, C, V] = [7, 6, 13];
const sizes = {
  vocab_size: V,
  hidden_size: C,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  intermediate_size: 9,
  max_position_embeddings: 8,
};
const gpt2Sizes = { n_embd: C, n_layer: 1, n_head: 1, n_positions: 8 };
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
    oracle: decoderHead,
  },
  {
    name: "GPT-2 with tied embeddings",
    config: { model_type: "gpt2", vocab_size: V, ...gpt2Sizes },
    table: "transformer.wte.weight",
    oracle: decoderHead,
  },
  {
    name: "GPT-2 with an output table of its own",
    config: { model_type: "gpt2", vocab_size: V, tie_word_embeddings: false, ...gpt2Sizes },
    table: "lm_head.weight",
    oracle: decoderHead,
  },
  {
    name: "Llama with an output table of its own",
    config: { model_type: "llama", ...sizes },
    table: "lm_head.weight",
    oracle: decoderHead,
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

for (const family of GOLDENS) {
  const { model, weights, expected } = readGolden(family);
  const golden = expected.get("logits.next");
  if (golden === undefined) continue;
  onEveryDevice(
    `encode() and languageModel.logits() of ${family} equal PyTorch's`,
    async (device) => {
      const rows = goldenRows(expected);
      const program = createProgram("next");
      const { context, requests } = recordingContext(program, rows.B, rows.T);
      keepAs(program, model.languageModel!.logits(context, model.encode(context)), "logits");
      const inputs = {
        ...Object.fromEntries(
          [...requests.weights.keys()].map((name) => [name, weights.get(name)!.data]),
        ),
        ...Object.fromEntries(requests.constants),
        ids: rows.ids,
        mask: rows.mask,
        positions: Uint32Array.from(rows.ids, (_, i) => i % rows.T),
      };
      const { logits } = await runProgram(device, lower(program), inputs, ["logits"]);
      const difference = largestDifference(logits, golden.data);
      assert.ok(difference <= 2e-5, `logits differ by ${difference}`);
    },
  );
}

Deno.test("languageModel is there for BERT and decoders alone, with the class that Hugging Face has for it", () => {
  const head = (model_type: string) => {
    const { languageModel } = readModel({ model_type, ...sizes, ...gpt2Sizes });
    return languageModel && [languageModel.objective, languageModel.architecture];
  };
  assert.deepEqual(head("bert"), ["masked", "BertForMaskedLM"]);
  assert.deepEqual(head("llama"), ["next", "LlamaForCausalLM"]);
  assert.deepEqual(head("qwen2"), ["next", "Qwen2ForCausalLM"]);
  assert.deepEqual(head("qwen3"), ["next", "Qwen3ForCausalLM"]);
  assert.deepEqual(head("gemma"), ["next", "GemmaForCausalLM"]);
  assert.deepEqual(head("gpt2"), ["next", "GPT2LMHeadModel"]);
  assert.equal(head("roberta"), undefined);
});
