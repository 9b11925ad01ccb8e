import assert from "node:assert/strict";
import { encodeSafetensors } from "../../src/protocol/safetensors.ts";
import { findWeights, openWeights } from "../../src/weights/mod.ts";
import { memoryFiles } from "./memory_files.ts";

Deno.test("openWeights() names what it looked for when a folder has no weights", async () => {
  await assert.rejects(() => openWeights(memoryFiles({ "pytorch_model.bin": "x" })), {
    name: "ModelFolderError",
    message: 'Cannot find weights in "tiny": expected one of "model.safetensors", ' +
      '"model.safetensors.index.json", "onnx/model.onnx", "model.onnx"',
  });
});

Deno.test("findWeights() prefers safetensors to ONNX", async () => {
  const files = memoryFiles({
    "onnx/model.onnx": "",
    "model.safetensors": encodeSafetensors([]),
  });
  assert.deepEqual(await findWeights(files), { format: "safetensors", path: "model.safetensors" });
});
