import assert from "node:assert/strict";
import { retryDelay, timerSleep } from "../../../src/federated/remote/retry.ts";

const patience = { first: 500, most: 30_000 };

Deno.test("retryDelay() doubles its bound with each failure, up to the most", () => {
  const bounds = [1, 2, 3, 7, 50].map((failures) => retryDelay(patience, failures, () => 1));
  assert.deepEqual(bounds, [500, 1000, 2000, 30_000, 30_000]);
});

Deno.test("retryDelay() draws from nothing to its bound", () => {
  assert.equal(retryDelay(patience, 3, () => 0), 0);
  assert.equal(retryDelay(patience, 3, () => 0.25), 500);
});

Deno.test("retryDelay() waits at least as long as the server asks for", () => {
  assert.equal(retryDelay(patience, 1, () => 0, 120), 120_000);
  assert.equal(retryDelay(patience, 1, () => 0.5, 2), 2250);
});

Deno.test("timerSleep() ends at once when its signal is aborted, before or meanwhile", async () => {
  const controller = new AbortController();
  const slept = timerSleep(1e9, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(slept, /enough/);
  await assert.rejects(timerSleep(1e9, controller.signal), /enough/);
});
