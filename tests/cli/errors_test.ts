import assert from "node:assert/strict";
import { commandEnd } from "../../src/cli/errors.ts";
import { DeviceLostError } from "../../src/engine/device.ts";
import { UserError } from "../../src/protocol/errors.ts";

Deno.test("commandEnd() shows a user's mistake as one line that no terminal obeys", () => {
  const error = new UserError('Cannot join "\x1b[2J\u009b1A\u202enews":\n it has ended');
  assert.deepEqual(commandEnd(error), {
    code: 2,
    text: 'error: Cannot join "\ufffd[2J\ufffd1A\ufffdnews": it has ended',
  });
});

Deno.test("commandEnd() keeps the lines of a fault's stack, and nothing that a terminal obeys", () => {
  const { code, text } = commandEnd(new TypeError("x is \x1b[31m not a function"));
  assert.equal(code, 1);
  assert.match(text, /^TypeError: x is \ufffd\[31m not a function\n +at /);
});

Deno.test("commandEnd() shows a lost device as one line that says what to do", () => {
  const error = new DeviceLostError("The WebGPU device was lost: device\nwas reset");
  assert.deepEqual(commandEnd(error), {
    code: 2,
    text:
      "error: The WebGPU device was lost: device was reset; run the command again, or use --device cpu",
  });
});
