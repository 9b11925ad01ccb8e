/** The rules of kernels/README.md that a text can be checked for. */

import assert from "node:assert/strict";
import { operationNames } from "../../src/engine/ops/registry.ts";
import { bindingKinds, specialise } from "../../src/engine/webgpu/shader.ts";

const folder = new URL("../../kernels/", import.meta.url);

function readKernels(directory: URL): { name: string; text: string }[] {
  return [...Deno.readDirSync(directory)]
    .filter(({ name }) => name.endsWith(".wgsl"))
    .map(({ name }) => ({
      name: name.replace(".wgsl", ""),
      text: Deno.readTextFileSync(new URL(name, directory)),
    }));
}

const kernels = readKernels(folder);
const libraries = readKernels(new URL("lib/", folder));

Deno.test("kernels/ holds one file an operation, named like it, or like it and a variant or stage", () => {
  const names = kernels.map(({ name }) => name);
  assert.deepEqual(operationNames.filter((operation) => !names.includes(operation)), []);
  const others = names.filter((name) => !operationNames.includes(name));
  for (const name of others) {
    assert.ok(operationNames.some((operation) => name.startsWith(`${operation}_`)), name);
  }
});

Deno.test("every kernel stands in the table of kernels/README.md", () => {
  const readme = Deno.readTextFileSync(new URL("README.md", folder));
  const rows = [...readme.matchAll(/^\| `(\w+)` +\|/gm)].map((match) => match[1]);
  assert.deepEqual(rows.sort(), kernels.map(({ name }) => name).sort());
});

// naga 29: a variable of a loop's body without an initializer keeps its value from the turn before.
Deno.test("kernels give every variable an initial value", () => {
  for (const { name, text } of [...kernels, ...libraries]) {
    const variables = text.match(/^\s*var\s+\w.*$/gm) ?? [];
    assert.deepEqual(variables.filter((line) => !line.includes("=")), [], name);
  }
});

Deno.test("kernels say in at most ten lines what they compute and what an invocation or workgroup covers", () => {
  for (const { name, text } of kernels) {
    const lines = text.split("\n");
    const header = lines.slice(0, lines.findIndex((line) => !line.startsWith("//")));
    assert.ok(header.length >= 2 && header.length <= 10, `${name}: ${header.length} lines`);
    assert.match(header.join("\n"), /\b(covers|computes)\b/, name);
  }
});

Deno.test("kernels bind reads, then writes, then params, and eight storage buffers at most", () => {
  for (const { name, text } of [...kernels, ...libraries]) {
    // SCALAR and VECTOR, CUT and WHOLE of matmul exclude each other.
    const features = [...text.matchAll(/\/\/#if ([\w ]+)/g)].flatMap((match) => match[1].split(" "))
      .filter((feature) => !["SCALAR", "CUT", "FIRST_WORKGROUP"].includes(feature));
    for (const kept of [[], features]) {
      const source = specialise(text, kept);
      const kinds = bindingKinds(source);
      assert.equal(kinds.length, source.match(/@binding/g)?.length ?? 0, name);
      const order = ["read", "read_write", "uniform"];
      const sorted = kinds.toSorted((a, b) => order.indexOf(a) - order.indexOf(b));
      assert.deepEqual(kinds, sorted, name);
      assert.ok(kinds.filter((kind) => kind !== "uniform").length <= 8, name);
    }
  }
});
