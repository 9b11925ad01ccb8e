import assert from "node:assert/strict";
import { createRunWatch, type RunPulse } from "../../../server/http/run_watch.ts";
import { createFakeClock, turn } from "./fake_clock.ts";

function watched() {
  const clock = createFakeClock();
  const pulses = new Map<string, RunPulse>([["a", { revision: 1, phase: "x" }]]);
  const asked: string[][] = [];
  const errors: unknown[] = [];
  let broken = false;
  const watch = createRunWatch({
    clock,
    watchMs: 1000,
    pulses: (runs) => {
      asked.push([...runs]);
      return broken ? Promise.reject(new Error("gone")) : Promise.resolve(new Map(pulses));
    },
    onError: (error) => errors.push(error),
  });
  return { clock, pulses, asked, errors, watch, breakDown: (now: boolean) => broken = now };
}

Deno.test("createRunWatch() asks one question an interval for all who wait, and none when nobody does", async () => {
  const { watch, clock, asked } = watched();
  await clock.advance(10_000);
  assert.deepEqual(asked, []);
  const leave = Array.from({ length: 1000 }, () => watch.subscribe("a", "phase", () => {}));
  leave.push(watch.subscribe("b", "revision", () => {}));
  assert.equal(watch.waiting, 1001);
  await clock.advance(2000);
  assert.deepEqual(asked, [["a", "b"], ["a", "b"]]);
  leave.forEach((leave) => leave());
  assert.equal(watch.waiting, 0);
  assert.equal(clock.pending, 0);
  watch.wake("a");
  await clock.advance(10_000);
  assert.equal(asked.length, 2);
});

Deno.test("createRunWatch() tells each of the part it waits for", async () => {
  const { watch, clock, pulses } = watched();
  const told: string[] = [];
  watch.subscribe("a", "phase", () => told.push("phase"));
  watch.subscribe("a", "revision", () => told.push("revision"));
  await clock.advance(1000);
  assert.deepEqual(told.splice(0), ["phase", "revision"], "once, as nobody had looked before");
  await clock.advance(1000);
  assert.deepEqual(told, []);
  pulses.set("a", { revision: 2, phase: "x" });
  watch.wake("a");
  await turn();
  assert.deepEqual(told.splice(0), ["revision"]);
  pulses.set("a", { revision: 3, phase: "y" });
  await clock.advance(1000);
  assert.deepEqual(told, ["phase", "revision"]);
});

Deno.test("createRunWatch() looks once more when it is woken while it looks", async () => {
  const { watch, clock, asked } = watched();
  watch.subscribe("a", "phase", () => {});
  for (let i = 0; i < 5; i++) watch.wake("a");
  await turn();
  assert.equal(asked.length, 2);
  assert.equal(clock.pending, 1);
});

Deno.test("createRunWatch() goes on after a look that failed", async () => {
  const { watch, clock, errors, breakDown } = watched();
  let told = 0;
  watch.subscribe("a", "phase", () => told++);
  breakDown(true);
  await clock.advance(1000);
  assert.equal(errors.length, 1);
  breakDown(false);
  await clock.advance(1000);
  assert.deepEqual([told, errors.length], [1, 1]);
});
