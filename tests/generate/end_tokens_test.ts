import assert from "node:assert/strict";
import { readEndTokens } from "../../src/generate/end_tokens.ts";
import type { ModelFiles } from "../../src/weights/mod.ts";

function filesOf(contents: Readonly<Record<string, unknown>>): ModelFiles {
  return {
    label: "tiny",
    open(path) {
      if (!Object.hasOwn(contents, path)) return Promise.resolve(undefined);
      const bytes = new TextEncoder().encode(JSON.stringify(contents[path]));
      return Promise.resolve({
        name: path,
        size: () => Promise.resolve(bytes.length),
        read: (start, end) => Promise.resolve(bytes.slice(start, end)),
      });
    },
  };
}

Deno.test("readEndTokens() asks generation_config.json first, and takes a number or a list", async () => {
  const both = (generation: unknown, config: unknown) =>
    readEndTokens(
      filesOf({ "generation_config.json": generation, "config.json": config }),
    );
  assert.deepEqual(await both({ eos_token_id: [1, 7] }, { eos_token_id: 2 }), [1, 7]);
  assert.deepEqual(await both({ eos_token_id: null }, { eos_token_id: 2 }), [2]);
  assert.deepEqual(await both({}, { eos_token_id: [3] }), [3]);
  assert.deepEqual(await both({}, {}), []);
  assert.deepEqual(await readEndTokens(filesOf({ "config.json": { eos_token_id: 0 } })), [0]);
});

Deno.test("readEndTokens() names the file and the value that is no token id", async () => {
  for (const value of ["</s>", [1, "</s>"], -1, 1.5]) {
    await assert.rejects(
      readEndTokens(filesOf({ "generation_config.json": { eos_token_id: value } })),
      {
        name: "UserError",
        message:
          `Cannot read "generation_config.json" of model "tiny": expected "eos_token_id" to be a token id or a list of them, got ${
            JSON.stringify(value)
          }`,
      },
    );
  }
});
