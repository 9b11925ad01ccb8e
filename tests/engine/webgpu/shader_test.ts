import assert from "node:assert/strict";
import { bindingKinds, numbered, specialise } from "../../../src/engine/webgpu/shader.ts";

const source = `@binding(INDEX) var<storage, read> x: array<f32>;
//#if BIAS
@binding(INDEX) var<storage, read> bias: array<f32>;
//#endif
  //#if SAVE
@binding(INDEX) var<storage, read_write> saved: array<f32>;
  //#endif
@binding(INDEX) var<storage, read_write> y: array<f32>;
@binding(INDEX) var<uniform> params: Params;`;

Deno.test("specialise() cuts optional parts and numbers bindings in order when no feature is named", () => {
  assert.equal(
    specialise(source),
    `@binding(0) var<storage, read> x: array<f32>;
@binding(1) var<storage, read_write> y: array<f32>;
@binding(2) var<uniform> params: Params;`,
  );
});

Deno.test("specialise() keeps the parts whose features are named", () => {
  assert.equal(
    specialise(source, ["SAVE", "OTHER"]),
    `@binding(0) var<storage, read> x: array<f32>;
@binding(1) var<storage, read_write> saved: array<f32>;
@binding(2) var<storage, read_write> y: array<f32>;
@binding(3) var<uniform> params: Params;`,
  );
  assert.equal(specialise(source, ["BIAS", "SAVE"]).match(/@binding\(\d\)/g)?.length, 5);
});

Deno.test("specialise() keeps a part after ! where the feature is not named, and one of several where all holds", () => {
  const text = "//#if !HALF\nfull\n//#endif\n//#if VECTOR !HALF\nboth\n//#endif\n";
  assert.equal(specialise(text), "full\n");
  assert.equal(specialise(text, ["VECTOR"]), "full\nboth\n");
  assert.equal(specialise(text, ["VECTOR", "HALF"]), "");
});

Deno.test("specialise() leaves text as it is when it has neither parts nor bindings", () => {
  const text = "// a comment\nfn f() -> f32 { return 1.0; }\n";
  assert.equal(specialise(text), text);
});

Deno.test("bindingKinds() lists how each binding is used, by number", () => {
  assert.deepEqual(bindingKinds(specialise(source, ["BIAS", "SAVE"])), [
    "read",
    "read",
    "read_write",
    "read_write",
    "uniform",
  ]);
  assert.deepEqual(bindingKinds("fn main() {}"), []);
});

Deno.test("numbered() puts each line's number before it", () => {
  assert.equal(numbered("a\n\nb"), "   1 | a\n   2 | \n   3 | b");
});
