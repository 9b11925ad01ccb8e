import assert from "node:assert/strict";
import { createSlots } from "../../../server/http/slots.ts";
import { ProblemError } from "../../../server/http/problems.ts";
import { createFakeClock, turn } from "./fake_clock.ts";

const isBusy = (error: unknown) => error instanceof ProblemError && error.code === "busy";

function slotsOf(most: number) {
  const clock = createFakeClock();
  const limits = { most, perOwner: 2, waitMs: 1000 };
  return { clock, slots: createSlots("uploads", limits, clock, () => 0.5) };
}

function giveBack(slot: Disposable): void {
  slot[Symbol.dispose]();
}

Deno.test("createSlots() hands a slot that is given back to whoever waits longest", async () => {
  const { clock, slots } = slotsOf(1);
  const begun: string[] = [];
  const take = async (owner: string) => {
    const slot = await slots.take(owner);
    begun.push(owner);
    return slot;
  };
  const [first, second, third] = ["a", "b", "c"].map(take);
  await turn();
  assert.deepEqual(begun, ["a"]);
  giveBack(await first);
  giveBack(await first);
  await turn();
  assert.deepEqual(begun, ["a", "b"], "a slot is given back once");
  giveBack(await second);
  giveBack(await third);
  assert.equal(clock.pending, 0);
  giveBack(await take("d"));
});

Deno.test("createSlots() sends whoever has waited in vain away, and keeps no slot for it", async () => {
  const { clock, slots } = slotsOf(1);
  const slot = await slots.take("a");
  const late = assert.rejects(slots.take("b"), isBusy);
  await clock.advance(999);
  const patient = slots.take("c");
  await clock.advance(1);
  await late;
  giveBack(slot);
  giveBack(await patient);
  giveBack(await slots.take("b"));
});

Deno.test("createSlots() counts what an owner waits for as its own", async () => {
  const { slots } = slotsOf(1);
  const slot = await slots.take("a");
  const second = slots.take("a");
  await assert.rejects(slots.take("a"), isBusy);
  giveBack(slot);
  giveBack(await second);
});
