import assert from "node:assert/strict";
import { openLastingSession } from "../../src/cli/lasting_session.ts";
import { DeviceLostError } from "../../src/engine/device.ts";
import type { TrainableModel } from "../../src/federated/federation.ts";
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
  assert.throws(() => seen[0].executor.run("anything"), {
    message: "Cannot use this executor: it is closed",
  });
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

Deno.test("run() opens the device for the next work when it could not be opened anew", async () => {
  const federation = await tinyFederation({});
  let refuses = false;
  const weights: TrainableModel["weights"] = {
    load: async (name, shape) => {
      if (refuses) throw new DeviceLostError("Cannot open a device");
      return await federation.weights.load(name, shape);
    },
  };
  const lasting = await openLastingSession({ ...federation, weights }, choice, () => {});
  const { device } = lasting;
  refuses = true;
  await assert.rejects(
    lasting.run("a round", () => Promise.reject(new DeviceLostError("lost"))),
    { message: "Cannot open a device" },
  );
  assert.deepEqual(lasting.device, device);
  refuses = false;
  assert.equal(await lasting.run("a round", () => Promise.resolve("done")), "done");
  await lasting.close();
  await lasting.close();
});

Deno.test("openLastingSession() makes a weight beyond f16 the user's mistake, and names the way out", async () => {
  const federation = await tinyFederation({ adapted: { baseDtype: "f16" } });
  const weights: TrainableModel["weights"] = {
    load: async (name, shape) => (await federation.weights.load(name, shape)).with(0, 1e6),
  };
  await assert.rejects(openLastingSession({ ...federation, weights }, choice, () => {}), {
    name: "UserError",
    message:
      /^Cannot store "model.embed_tokens.weight" in half precision: .* got 1000000 at index 0; use --base-dtype f32$/,
  });
});

Deno.test("openLastingSession() names every flag that makes programs smaller where they do not fit", async () => {
  const federation = await tinyFederation({});
  const large = { ...federation, sizes: { ...federation.sizes, batch: 2 ** 24 } };
  await assert.rejects(openLastingSession(large, choice, () => {}), {
    name: "UserError",
    message:
      /at most 4 GiB, got .* GiB; try --recompute, --base-dtype f16 or int8, or a smaller --batch, --eval-batch, --seq-len or --rank$/,
  });
});
