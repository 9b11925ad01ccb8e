import assert from "node:assert/strict";
import { failureOf } from "../../../src/cli/client/training_host.ts";
import { DeviceLostError } from "../../../src/engine/device.ts";
import { UserError } from "../../../src/protocol/errors.ts";

Deno.test("failureOf() makes a lost device the end of the client, but for a round", () => {
  const lost = new DeviceLostError("The WebGPU device was lost: reset");
  for (const ask of ["open", "measure", "evaluate"] as const) {
    assert.deepEqual(failureOf(ask, lost), {
      kind: "user",
      message: "The WebGPU device was lost: reset; run the command again, or use --device cpu",
    });
  }
  const { kind, message } = failureOf("round", lost);
  assert.deepEqual({ kind, message }, { kind: "round", message: lost.message });
});

Deno.test("failureOf() keeps the stack of a fault, and tells a user's mistake without", () => {
  const fault = new TypeError("x is not a function");
  const { message, stack } = fault;
  assert.deepEqual(failureOf("open", fault), { kind: "fault", message, stack });
  assert.deepEqual(failureOf("open", new UserError("Cannot open")), {
    kind: "user",
    message: "Cannot open",
  });
});
