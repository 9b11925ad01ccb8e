import assert from "node:assert/strict";
import { IGNORED_LABEL } from "../../src/engine/ops/ignored_label.ts";
import { embedding } from "../../src/engine/ops/embedding.ts";
import { SLOT_SETTINGS, STEP_SETTINGS } from "../../src/engine/ops/optimizer.ts";
import { elementCount } from "../../src/engine/program.ts";
import { elementSlots, type PackedLayout } from "../../src/lora/layout.ts";
import { layerNormLayer, rmsNormLayer } from "../../src/models/layers.ts";
import { type Model, readModel } from "../../src/models/mod.ts";
import { BUFFERS, buildPretraining, programNames } from "../../src/pretrain/programs.ts";
import { unpackWeights } from "../../src/pretrain/weights.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { normalNumbers } from "../engine/op_testing.ts";
import { bertHead, decoderHead, type Weights } from "../models/language_model_oracle.ts";
import { assertClose } from "../reference/compare.ts";
import { crossEntropy } from "../reference/cross_entropy.ts";
import { embedding as embeddingOracle } from "../reference/embedding.ts";
import { finiteDifference } from "../reference/finite_difference.ts";
import { layerNorm } from "../reference/layer_norm.ts";
import type { Numbers } from "../reference/numbers.ts";
import { rmsNorm } from "../reference/rms_norm.ts";
import { sizesOf, tasks } from "./support.ts";

const [B, T, P, C, V] = [2, 5, 4, 6, 11];
const N = B * T;
const EPSILON = 1e-5;
const shape = {
  vocab_size: V,
  hidden_size: C,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  intermediate_size: 9,
  max_position_embeddings: T,
  tie_word_embeddings: true,
};
// A token is read twice, a place is predicted twice, one label is ignored.
const batch = {
  ids: Uint32Array.of(1, 7, 3, 7, 0, 10, 2, 3, 9, 1),
  places: Uint32Array.of(1, 3, 8, 3),
  labels: Uint32Array.of(7, 10, IGNORED_LABEL, 2),
  weights: Float32Array.of(0.5, 0.25, 0.25, 1),
};

/** A model of embeddings, a norm and the real head: small enough for finite differences, with the table in both its uses. */
interface TiedCase {
  readonly name: string;
  readonly table: string;
  readonly model: Model;
  /** Normed rows [N,C], in float64. */
  normed(rows: Numbers, weights: Weights): Float64Array;
  readonly head: typeof bertHead;
}

const bert = readModel({ model_type: "bert", ...shape });
const llama = readModel({ model_type: "llama", ...shape });
const bertTable = "bert.embeddings.word_embeddings.weight";
const llamaTable = "model.embed_tokens.weight";
const cases: readonly TiedCase[] = [
  {
    name: "BERT",
    table: bertTable,
    model: {
      ...bert,
      encode: (context) => {
        const table = context.weight(bertTable, [V, C]);
        const rows = embedding(context.program, table, context.inputs.ids);
        return layerNormLayer(context, "norm", rows, EPSILON);
      },
    },
    normed: (rows, weights) =>
      layerNorm(rows, weights["norm.weight"], weights["norm.bias"], { N, C }, EPSILON),
    head: bertHead,
  },
  {
    name: "Llama",
    table: llamaTable,
    model: {
      ...llama,
      encode: (context) => {
        const table = context.weight(llamaTable, [V, C]);
        const rows = embedding(context.program, table, context.inputs.ids);
        return rmsNormLayer(context, "norm", rows, { epsilon: EPSILON, gainsFromOne: false });
      },
    },
    normed: (rows, weights) => rmsNorm(rows, weights["norm.weight"], { N, C }, EPSILON),
    head: decoderHead,
  },
];

/** Row losses [P] in float64. */
function oracle({ table, normed, head }: TiedCase, weights: Weights): Float64Array {
  const rows = embeddingOracle(weights[table], batch.ids, { V, C });
  const states = normed(rows, weights);
  const picked = embeddingOracle(states, batch.places, { V: N, C });
  const logits = head(picked, weights, table, { N: P, C, V });
  return crossEntropy(logits, batch.labels, batch.weights, { N: P, L: V });
}

/** Weights of order one, so that float32 shows every part of a gradient. */
function packedWeights(layout: PackedLayout): Float32Array {
  const packed = new Float32Array(layout.length);
  layout.head.forEach(({ name, shape }, i) =>
    packed.set(
      normalNumbers(`pretrain ${name}`, elementCount(shape)),
      layout.headSlices[i].offset,
    )
  );
  return packed;
}

for (const tied of cases) {
  onEveryDevice(
    `the step of ${tied.name} has the loss and all gradients of the float64 composition, the tied table's through both its uses`,
    async (device) => {
      const { layout, programs } = buildPretraining(tied.model, { B, T, P, ring: 2 });
      const names = layout.head.map(({ name }) => name);
      assert.equal(names.filter((name) => name === tied.table).length, 1, "one table");
      const parameters = packedWeights(layout);
      const weights = Object.fromEntries(
        unpackWeights(layout, parameters).map(({ name, data }) => [name, data]),
      );
      const executor = await device.load(programs);
      try {
        const { ids, places, labels, weights: shares } = batch;
        executor.write(BUFFERS.parameters, parameters);
        executor.write(BUFFERS.slots, elementSlots(layout));
        executor.write(BUFFERS.ids, ids);
        executor.write(BUFFERS.places, places);
        executor.write(BUFFERS.labels, labels);
        executor.write(BUFFERS.weights, shares);
        // No slot is trained: the step computes gradients and changes nothing.
        const untrained = new Float32Array(STEP_SETTINGS + SLOT_SETTINGS * layout.slots);
        executor.write(BUFFERS.settings, untrained);
        for (const [row, program] of [programNames.step, programNames.evaluation].entries()) {
          executor.write(BUFFERS.cursor, Uint32Array.of(row));
          executor.run(program);
        }
        const losses = await executor.read(BUFFERS.losses);
        const expected = oracle(tied, weights);
        assertClose(Array.from(losses), [...expected, ...expected], 2e-5, "losses");
        const gradients = unpackWeights(
          layout,
          await executor.read(BUFFERS.gradient) as Float32Array,
        );
        for (const { name, data } of gradients) {
          const forward = (moved: Float64Array) => oracle(tied, { ...weights, [name]: moved });
          const exact = finiteDifference(forward, weights[name], new Float64Array(P).fill(1));
          assertClose(Array.from(data), exact, 2e-5, name);
        }
        assert.deepEqual(await executor.read(BUFFERS.parameters), parameters);
      } finally {
        await executor.close();
      }
    },
  );
}

for (const task of tasks) {
  Deno.test(`buildPretraining() packs every weight of the ${task.name} once`, () => {
    const { layout } = buildPretraining(task.model, sizesOf(task));
    const names = layout.head.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { name } of task.model.modules) assert.ok(names.includes(`${name}.weight`), name);
    const output = /^(lm_head|cls\.predictions\.decoder)\./;
    assert.ok(!names.some((name) => output.test(name)), "the output table is the embeddings'");
  });
}

Deno.test("buildPretraining() refuses a family without a language-model head", () => {
  const roberta = readModel({ model_type: "roberta", ...shape, max_position_embeddings: 9 });
  assert.throws(
    () => buildPretraining(roberta, { B, T, P, ring: 1 }),
    (error) => error instanceof UserError && /"roberta"/.test(error.message),
  );
});
