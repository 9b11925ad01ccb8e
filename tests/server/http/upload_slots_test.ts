import assert from "node:assert/strict";
import { createUploadSlots } from "../../../server/http/upload_slots.ts";
import { ProblemError } from "../../../server/http/problems.ts";
import { createFakeClock, turn } from "./fake_clock.ts";

const isBusy = (error: unknown) => error instanceof ProblemError && error.code === "busy";

function createSlots(uploads: number) {
  const clock = createFakeClock();
  const limits = { uploads, uploadsPerClient: 2, uploadWaitMs: 1000 };
  return { clock, slots: createUploadSlots(limits, clock, () => 0.5) };
}

Deno.test("createUploadSlots() hands a slot that is given back to whoever waits longest", async () => {
  const { clock, slots } = createSlots(1);
  const begun: string[] = [];
  const take = async (owner: string) => {
    const giveBack = await slots.take(owner);
    begun.push(owner);
    return giveBack;
  };
  const [first, second, third] = ["a", "b", "c"].map(take);
  await turn();
  assert.deepEqual(begun, ["a"]);
  (await first)();
  (await first)();
  await turn();
  assert.deepEqual(begun, ["a", "b"], "a slot is given back once");
  (await second)();
  (await third)();
  assert.equal(clock.pending, 0);
  (await take("d"))();
});

Deno.test("createUploadSlots() sends whoever has waited in vain away, and keeps no slot for it", async () => {
  const { clock, slots } = createSlots(1);
  const giveBack = await slots.take("a");
  const late = assert.rejects(slots.take("b"), isBusy);
  await clock.advance(999);
  const patient = slots.take("c");
  await clock.advance(1);
  await late;
  giveBack();
  (await patient)();
  (await slots.take("b"))();
});

Deno.test("createUploadSlots() counts what an owner waits for as its own", async () => {
  const { slots } = createSlots(1);
  const giveBack = await slots.take("a");
  const second = slots.take("a");
  await assert.rejects(slots.take("a"), isBusy);
  giveBack();
  (await second)();
});
