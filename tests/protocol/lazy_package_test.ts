import assert from "node:assert/strict";
import { UserError } from "../../src/protocol/errors.ts";
import { lazyPackage } from "../../src/protocol/lazy_package.ts";

Deno.test("lazyPackage() imports a module", async () => {
  const path = await lazyPackage<{ basename(path: string): string }>("node:path");
  assert.equal(path.basename("a/b"), "b");
});

// Deno installs whatever its module graph names, and transformers.js is 500 MB.
Deno.test("src/data/mod.ts does not name transformers.js in its module graph", async () => {
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-lock", new URL("../../src/data/mod.ts", import.meta.url).href],
    stderr: "null",
  }).output();
  assert.equal(code, 0);
  const graph = new TextDecoder().decode(stdout);
  assert.ok(graph.includes("tokenizer_transformers.ts"), "the graph is the right one");
  assert.ok(!graph.includes("npm:@huggingface/transformers"));
});

Deno.test("lazyPackage() names a package that is not there, and how to fetch it", async () => {
  await assert.rejects(
    lazyPackage("file:///nowhere/package.ts"),
    (error: Error) =>
      error instanceof UserError && !error.message.includes("\n") &&
      /^Cannot load "file:.*; .*, run: deno cache --no-lock file:/.test(error.message),
  );
});
