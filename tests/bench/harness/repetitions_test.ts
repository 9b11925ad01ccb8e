import assert from "node:assert/strict";
import { warmUp } from "../../../bench/harness/repetitions.ts";

/** Runs of work that takes so many seconds each time, and what was asked of it. */
function work(seconds: (call: number) => number) {
  const asked: number[] = [];
  return {
    asked,
    secondsOf: (times: number) => {
      asked.push(times);
      return Promise.resolve(times * seconds(asked.length - 1));
    },
  };
}

Deno.test("warmUp() repeats short work until it takes half a second", async () => {
  for (const seconds of [1e-6, 0.003, 0.2, 0.49]) {
    const { asked, secondsOf } = work(() => seconds);
    const times = await warmUp(secondsOf);
    assert.ok(times * seconds >= 0.5, `${seconds}: ${times} times`);
    assert.ok(times * seconds < 1.5 + seconds, `${seconds}: ${times} times`);
    assert.equal(asked.at(-1), times, "the length chosen was tried");
  }
});

Deno.test("warmUp() takes a short first run for a cold one", async () => {
  const { asked, secondsOf } = work((call) => call === 0 ? 1.9 : 0.1);
  assert.equal(await warmUp(secondsOf), 6);
  assert.deepEqual(asked, [1, 1, 6]);
});

Deno.test("warmUp() does work that takes seconds once", async () => {
  const { asked, secondsOf } = work(() => 4);
  assert.equal(await warmUp(secondsOf), 1);
  assert.deepEqual(asked, [1]);
});
