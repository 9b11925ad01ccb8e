import assert from "node:assert/strict";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { readModel } from "../../src/models/mod.ts";
import { openOnnx, withPrefixes } from "../../src/weights/mod.ts";
import { testDevices } from "../engine/devices.ts";
import {
  goldenRows,
  largestDifference,
  readGoldenValues,
  requestsOf,
  runForward,
  type Values,
} from "./support.ts";

const shared = Deno.env.get("HAFL_SHARED") ?? new URL("../../../shared", import.meta.url).pathname;
const folder = `${shared}/fixtures/tribuo-tinybert`;
const present = await Deno.stat(folder).then(() => true, () => false);

/** The fixture comes without a config.json; its shapes tell all but the one head, with which alone the numbers agree. */
const model = readModel({
  model_type: "bert",
  vocab_size: 1656,
  hidden_size: 50,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  intermediate_size: 200,
  max_position_embeddings: 100,
  type_vocab_size: 2,
  hidden_act: "gelu",
  layer_norm_eps: 1e-12,
});

for (const device of testDevices) {
  Deno.test({
    name:
      `encode() with the weights of tribuo-tinybert's ONNX file equals onnxruntime's [${device.name}]`,
    ignore: device.ignore || !present,
    fn: async () => {
      const source = withPrefixes(
        await openOnnx(folderFiles(folder), "tinybert.onnx"),
        model.prefixes,
      );
      const weights = new Map<string, Values>();
      for (const [name, shape] of requestsOf(model, 2).weights) {
        const data = source.has(name)
          ? await source.load(name, shape)
          : new Float32Array(size(shape));
        weights.set(name, { shape, data });
      }
      const expected = readGoldenValues("tinybert");
      const rows = goldenRows(expected);
      const [{ hidden }] = await runForward(await device.open(), model, weights, [rows], 2);
      const difference = largestDifference(hidden, expected.get("hidden_states")!.data);
      assert.ok(difference <= 1e-5, `hidden states differ by ${difference}`);
    },
  });
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
