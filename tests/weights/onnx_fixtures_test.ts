import assert from "node:assert/strict";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { readOnnxGraph } from "../../src/weights/onnx_graph.ts";
import { openOnnx, openWeights } from "../../src/weights/mod.ts";

const shared = Deno.env.get("HAFL_SHARED") ?? new URL("../../../shared", import.meta.url).pathname;
const bert = `${shared}/fixtures/tribuo-tinybert`;
const gpt2 = `${shared}/fixtures/tiny-random-gpt2-fp32`;
const llama = `${shared}/models/tinystories-656k`;

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

Deno.test({
  name: "openOnnx() gives every tensor of BertModel from tribuo-tinybert",
  ignore: !exists(bert),
  fn: async () => {
    const weights = await openOnnx(folderFiles(bert), "tinybert.onnx");
    const C = 50, F = 200;
    const shapes: Record<string, number[]> = {
      "embeddings.word_embeddings.weight": [1656, C],
      "embeddings.position_embeddings.weight": [100, C],
      "embeddings.token_type_embeddings.weight": [2, C],
      "embeddings.LayerNorm.weight": [C],
      "embeddings.LayerNorm.bias": [C],
      "encoder.layer.0.attention.self.query.weight": [C, C],
      "encoder.layer.0.attention.self.query.bias": [C],
      "encoder.layer.0.attention.self.key.weight": [C, C],
      "encoder.layer.0.attention.self.key.bias": [C],
      "encoder.layer.0.attention.self.value.weight": [C, C],
      "encoder.layer.0.attention.self.value.bias": [C],
      "encoder.layer.0.attention.output.dense.weight": [C, C],
      "encoder.layer.0.attention.output.dense.bias": [C],
      "encoder.layer.0.attention.output.LayerNorm.weight": [C],
      "encoder.layer.0.attention.output.LayerNorm.bias": [C],
      "encoder.layer.0.intermediate.dense.weight": [F, C],
      "encoder.layer.0.intermediate.dense.bias": [F],
      "encoder.layer.0.output.dense.weight": [C, F],
      "encoder.layer.0.output.dense.bias": [C],
      "encoder.layer.0.output.LayerNorm.weight": [C],
      "encoder.layer.0.output.LayerNorm.bias": [C],
      "pooler.dense.weight": [C, C],
      "pooler.dense.bias": [C],
    };
    for (const [name, shape] of Object.entries(shapes)) {
      const values = await weights.load(name, shape);
      assert.equal(values.length, shape.reduce((product, size) => product * size, 1), name);
      assert.ok(values.every(Number.isFinite), name);
    }
    // In this file the query is the first product: MatMul_31, of initializer "182".
    const bytes = await Deno.readFile(`${bert}/tinybert.onnx`);
    const graph = await readOnnxGraph(bytes);
    const { raw } = graph.initializers.find(({ name }) => name === "182")!;
    const stored = new Float32Array(bytes.slice(raw!.offset, raw!.offset + raw!.length).buffer);
    const query = await weights.load("encoder.layer.0.attention.self.query.weight", [C, C]);
    assert.equal(query[3 * C + 7], stored[7 * C + 3]);
  },
});

Deno.test({
  name: "openOnnx() reads GPT-2's initializers from tiny-random-gpt2-fp32",
  ignore: !exists(gpt2),
  fn: async () => {
    const weights = await openOnnx(folderFiles(gpt2), "past.onnx");
    const C = 32, V = 1000;
    // GPT-2's Conv1D is [in, out] in its checkpoints too; lm_head is a linear layer.
    await weights.load("transformer.h.4.attn.c_attn.weight", [C, 3 * C]);
    await weights.load("transformer.h.4.mlp.c_proj.weight", [4 * C, C]);
    await weights.load("transformer.wpe.weight", [512, C]);
    const head = await weights.load("lm_head.weight", [V, C]);
    // The file's output layer is tied to its embedding, stored a second time as [C, V].
    assert.deepEqual(head, await weights.load("transformer.wte.weight", [V, C]));
  },
});

Deno.test({
  name: "openWeights() loads the tied embedding of tinystories-656k",
  ignore: !exists(llama),
  fn: async () => {
    const weights = await openWeights(folderFiles(llama));
    assert.deepEqual(
      await weights.load("model.embed_tokens.weight", [2048, 128]),
      await weights.load("lm_head.weight", [2048, 128]),
    );
  },
});
