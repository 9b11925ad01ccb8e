/** Language models with LoRA against PyTorch, which takes every document alone. */

import assert from "node:assert/strict";
import { makeTokenBatch } from "../../src/data/token_batches.ts";
import { tokenRows } from "../../src/data/token_rows.ts";
import { evaluateTokens } from "../../src/lora/evaluate.ts";
import { train } from "../../src/lora/session.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { assertClose } from "../reference/compare.ts";
import { type Golden, readGolden } from "../reference/read_golden.ts";
import {
  B,
  everywhere,
  goldenAdapter,
  install,
  languageModelOf,
  readGradients,
  readTinyModel,
  STANDSTILL,
  T,
  type TinyModel,
  withSession,
} from "./support.ts";

const TOLERANCE = 1e-4;

/** The golden's documents, by rows; PyTorch's losses are in their order. */
function rowsOf(golden: Golden, packed: boolean) {
  const whole = (name: string) => Uint32Array.from(golden.tensor(name).data);
  const ids = whole("ids"), learned = Uint8Array.from(golden.tensor("learned").data);
  let end = 0;
  const texts = [...whole("lengths")].map((length) => {
    const start = end;
    end += length;
    return { ids: ids.slice(start, end), learned: learned.slice(start, end) };
  });
  return tokenRows(texts, T, { packed });
}

for (const family of ["llama", "llama3", "qwen2", "qwen3", "gemma", "gpt2"]) {
  const tiny = await readTinyModel(family);
  const golden = await readGolden(`${family}/causal.safetensors`);
  const head = golden.names.includes("lm_head.weight")
    ? golden.tensor("lm_head.weight")
    : undefined;
  // Llama's checkpoint has no output layer of its own, as it is a classifier's.
  const whole: TinyModel = head === undefined ? tiny : {
    ...tiny,
    weights: new Map([...tiny.weights, [
      "lm_head.weight",
      { shape: head.shape, data: Float32Array.from(head.data) },
    ]]),
  };
  const model = languageModelOf(whole);
  const adapter = { ...goldenAdapter(tiny, "stored"), head: [] };

  for (const packed of [true, false]) {
    const rows = rowsOf(golden, packed);
    const size = packed ? B : rows.length;
    const how = packed ? "packed" : "a row each";
    onEveryDevice(
      `train() and evaluateTokens() of ${family} on documents ${how} compute PyTorch's loss and gradients`,
      async (device) => {
        await withSession(
          device,
          whole,
          async (session) => {
            install(session, adapter);
            const count = golden.tensor("losses").data.length;
            const batch = makeTokenBatch(rows, size, [T], 0, 1 / count);
            assert.equal(batch.predictions, count);
            const steps = [{ batches: [{ batch, seed: 0 }], factor: 1 }];
            const losses = await train(session, STANDSTILL, { train: everywhere(tiny, 1) }, steps);
            assertClose(losses, golden.tensor("loss").data, TOLERANCE, "loss");
            const gradients = await readGradients(session);
            for (const [name, gradient] of gradients) {
              const expected = golden.tensor(`gradient.${name}`).data;
              assertClose(Array.from(gradient), expected, TOLERANCE, name);
            }
            const { tokens, loss } = await evaluateTokens(
              session,
              [makeTokenBatch(rows, size, [T], 0, 1)],
            );
            assert.equal(tokens, count);
            assertClose([loss / count], golden.tensor("loss").data, TOLERANCE, "evaluation");
          },
          { ...model },
          { batch: size, evaluationBatch: size },
        );
      },
    );
  }
}
