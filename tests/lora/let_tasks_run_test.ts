import assert from "node:assert/strict";
import { letTasksRun } from "../../src/lora/let_tasks_run.ts";

/** Calls it after every step; how often a timer fired meanwhile. */
async function turnsDuring(steps: number, step: () => void): Promise<number> {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  try {
    for (let taken = 0; taken < steps; taken++) {
      step();
      await letTasksRun();
    }
  } finally {
    clearInterval(timer);
  }
  return turns;
}

function busy(milliseconds: number): void {
  const start = performance.now();
  while (performance.now() - start < milliseconds);
}

Deno.test("letTasksRun() lets timers run after every long step, and in time between short ones", async () => {
  const long = await turnsDuring(5, () => busy(25));
  assert.ok(long >= 4, `${long} turns`);
  const short = await turnsDuring(50, () => busy(2));
  assert.ok(short >= 2, `${short} turns`);
});

Deno.test("letTasksRun() does not wait for a timer after every short step", async () => {
  // A thousand timers would take a second, and one beside them would run as often.
  const turns = await turnsDuring(1000, () => {});
  assert.ok(turns < 500, `${turns} turns`);
});
