import assert from "node:assert/strict";
import { startTicking } from "../../server/tick_loop.ts";
import { createFakeClock, turn } from "./http/fake_clock.ts";

function started() {
  const clock = createFakeClock();
  const errors: unknown[] = [];
  const works: PromiseWithResolvers<void>[] = [];
  const loop = startTicking(
    clock,
    1000,
    () => {
      const work = Promise.withResolvers<void>();
      works.push(work);
      return work.promise;
    },
    (error) => errors.push(error),
  );
  const finish = async () => {
    works.at(-1)!.resolve();
    await turn();
  };
  return { clock, errors, works, loop, finish };
}

Deno.test("startTicking() works at once, and again a while after it is done", async () => {
  const { clock, works, finish } = started();
  assert.equal(works.length, 1);
  await clock.advance(5000);
  assert.equal(works.length, 1, "never twice at a time");
  await finish();
  await clock.advance(999);
  assert.equal(works.length, 1);
  await clock.advance(1);
  assert.equal(works.length, 2);
});

Deno.test("startTicking() works once more for all that ask meanwhile", async () => {
  const { works, loop, finish, clock } = started();
  for (let i = 0; i < 5; i++) loop.soon();
  await finish();
  assert.equal(works.length, 2);
  await finish();
  assert.equal(works.length, 2);
  loop.soon();
  assert.equal(works.length, 3, "at once when it is idle");
  assert.equal(clock.pending, 0, "the timer was put off");
});

Deno.test("startTicking() goes on after work that failed", async () => {
  const { clock, works, errors } = started();
  works[0].reject(new Error("the database is away"));
  await turn();
  assert.equal(errors.length, 1);
  await clock.advance(1000);
  assert.equal(works.length, 2);
});

Deno.test("startTicking() ends after the work in progress", async () => {
  const { clock, works, loop, finish } = started();
  loop.soon();
  let stopped = false;
  const stopping = loop.stop().then(() => stopped = true);
  await turn();
  assert.equal(stopped, false);
  await finish();
  await stopping;
  assert.equal(works.length, 1);
  loop.soon();
  await clock.advance(5000);
  assert.equal(works.length, 1);
});
