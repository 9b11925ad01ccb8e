import assert from "node:assert/strict";

import { createMutex } from "../../../server/store/mutex.ts";

Deno.test("createMutex() runs work in the order of the calls, one at a time", async () => {
  const mutex = createMutex();
  const events: string[] = [];
  const work = (name: string) =>
    mutex(async () => {
      events.push(`${name} starts`);
      await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
      events.push(`${name} ends`);
      return name;
    });
  assert.deepEqual(await Promise.all([work("a"), work("b")]), ["a", "b"]);
  assert.deepEqual(events, ["a starts", "a ends", "b starts", "b ends"]);
});

Deno.test("createMutex() goes on after work that fails", async () => {
  const mutex = createMutex();
  const failing = mutex(() => Promise.reject(new Error("a failure of the work")));
  const next = mutex(() => Promise.resolve("next"));
  await assert.rejects(failing, /a failure of the work/);
  assert.equal(await next, "next");
});
