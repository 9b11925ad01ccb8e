import assert from "node:assert/strict";
import { createTurns } from "../../../server/http/turns.ts";
import { turn } from "./fake_clock.ts";

Deno.test("createTurns() lets some pass and the others in their order", async () => {
  const turns = createTurns(2);
  const begun: number[] = [];
  const done = [0, 1, 2, 3].map(async (n) => {
    const had = await turns.take();
    begun.push(n);
    return had;
  });
  await turn();
  assert.deepEqual(begun, [0, 1]);
  (await done[1])[Symbol.dispose]();
  await turn();
  assert.deepEqual(begun, [0, 1, 2]);
  (await done[1])[Symbol.dispose]();
  await turn();
  assert.deepEqual(begun, [0, 1, 2], "a turn ends once");
  (await done[0])[Symbol.dispose]();
  await turn();
  assert.deepEqual(begun, [0, 1, 2, 3]);
});
