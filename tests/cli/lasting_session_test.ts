import assert from "node:assert/strict";
import { openLastingSession } from "../../src/cli/lasting_session.ts";
import { DeviceLostError } from "../../src/engine/device.ts";
import type { Session } from "../../src/lora/session.ts";
import { tinyFederation } from "../federated/support.ts";

const choice = { device: "cpu", threads: 1 } as const;

Deno.test("run() repeats work once on a new session when the device is lost", async () => {
  const notes: string[] = [];
  const lasting = await openLastingSession(
    await tinyFederation({}),
    choice,
    (text) => notes.push(text),
  );
  const seen: Session[] = [];
  const result = await lasting.run("round 3", (session) => {
    seen.push(session);
    if (seen.length === 1) throw new DeviceLostError("The device was lost: reset");
    return Promise.resolve("done");
  });
  assert.equal(result, "done");
  assert.equal(seen.length, 2);
  assert.notEqual(seen[0], seen[1]);
  assert.throws(() => seen[0].executor.run("anything"), "the lost session is closed");
  assert.deepEqual(notes, ["The device was lost: reset. Repeating round 3."]);
  await lasting.close();
});

Deno.test("run() gives up when the device is lost again, and never repeats after another error", async () => {
  const lasting = await openLastingSession(await tinyFederation({}), choice, () => {});
  let times = 0;
  const failing = (error: Error) => () => {
    times++;
    return Promise.reject(error);
  };
  await assert.rejects(
    lasting.run("a round", failing(new DeviceLostError("lost"))),
    DeviceLostError,
  );
  assert.equal(times, 2);
  await assert.rejects(lasting.run("a round", failing(new TypeError("a defect"))), TypeError);
  assert.equal(times, 3);
  await lasting.close();
});
