import assert from "node:assert/strict";
import { readModel } from "../../src/models/mod.ts";
import { BERT, DISTILBERT, LLAMA, ROBERTA } from "./small_configs.ts";

Deno.test("positions() counts every token, in roberta the real ones from padding + 1 on", () => {
  const mask = Uint32Array.of(1, 1, 1, 0, 0);
  for (const config of [BERT, DISTILBERT, LLAMA]) {
    assert.deepEqual([...readModel(config).positions(mask)], [0, 1, 2, 3, 4]);
  }
  assert.deepEqual([...readModel(ROBERTA).positions(mask)], [2, 3, 4, 1, 1]);
  const left = Uint32Array.of(0, 0, 1, 1);
  assert.deepEqual([...readModel({ ...ROBERTA, pad_token_id: 0 }).positions(left)], [0, 0, 1, 2]);
});
