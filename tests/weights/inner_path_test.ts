import assert from "node:assert/strict";
import fc from "fast-check";
import { innerPath } from "../../src/weights/inner_path.ts";

Deno.test("innerPath() resolves a name beside the file that holds it", () => {
  assert.equal(innerPath("model.safetensors.index.json", "1.safetensors"), "1.safetensors");
  assert.equal(innerPath("onnx/model.onnx", "model.onnx_data"), "onnx/model.onnx_data");
  assert.equal(innerPath("onnx/model.onnx", "./parts/1"), "onnx/parts/1");
});

Deno.test("innerPath() never leaves the model folder", () => {
  const part = fc.constantFrom("..", ".", "a", "", "C:", "..\\..", "\\");
  fc.assert(fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
    let path: string;
    try {
      path = innerPath("onnx/model.onnx", parts.join("/"));
    } catch (error) {
      assert.equal((error as Error).name, "WeightsError");
      return;
    }
    assert.match(path, /^onnx\//);
    assert.ok(!path.split(/[/\\]/).includes(".."));
  }));
});
