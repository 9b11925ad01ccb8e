import assert from "node:assert/strict";
import { taskTurns } from "../../src/lora/task_turns.ts";

Deno.test("taskTurns() lets timers run between steps, however long they are", async () => {
  const letTasksRun = taskTurns();
  let fired = 0;
  const timer = setInterval(() => fired++, 1);
  try {
    for (let step = 0; step < 5; step++) {
      const start = performance.now();
      while (performance.now() - start < 30);
      await letTasksRun();
    }
  } finally {
    clearInterval(timer);
  }
  assert.ok(fired >= 4, `${fired} turns`);
});

Deno.test("taskTurns() does not wait for a timer after every short step", async () => {
  const letTasksRun = taskTurns();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  try {
    for (let step = 0; step < 1000; step++) await letTasksRun();
  } finally {
    clearInterval(timer);
  }
  // A thousand timers would take a second, and one beside them would run as often.
  assert.ok(turns < 500, `${turns} turns`);
});
