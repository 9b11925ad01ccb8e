import assert from "node:assert/strict";
import { readArguments } from "../../../bench/harness/arguments.ts";
import { shapeOf } from "../../../bench/harness/shapes.ts";
import { readTaskOptions } from "../../../bench/harness/task.ts";
import { UserError } from "../../../src/protocol/errors.ts";

Deno.test("readArguments() reads what a program measures", () => {
  const given = ["--device", "webgpu", "--shape", "small", "--size", "2", "--wait"];
  assert.deepEqual(readArguments(given), {
    shape: "small",
    device: "webgpu",
    threads: 2,
    size: 2,
    repetitions: 5,
    wait: true,
  });
  assert.equal(readArguments([]).size, undefined);
});

Deno.test("readArguments() names the flag that cannot be", () => {
  assert.throws(() => readArguments(["--device", "tpu"]), /^RangeError: Cannot use --device tpu/);
  for (const [flag, value] of [["threads", "0"], ["size", "1.5"], ["repetitions", "many"]]) {
    assert.throws(
      () => readArguments([`--${flag}`, value]),
      new RegExp(`^RangeError: Cannot use --${flag} ${value}: expected a whole number`),
    );
  }
  assert.throws(() => readArguments(["--bach", "2"]), TypeError);
});

Deno.test("readTaskOptions() has defaults, and a file for the results", () => {
  const options = readTaskOptions(["--only", "cpu"], { out: "a.json", python: false });
  assert.deepEqual(options, {
    only: "cpu",
    repetitions: 3,
    threads: Math.min(2, navigator.hardwareConcurrency),
    out: "a.json",
    python: undefined,
  });
  for (
    const given of [["--repetitions", "0"], ["--threads", "257"], ["--treads", "2"], ["minilm"]]
  ) {
    assert.throws(() => readTaskOptions(given, { out: "", python: false }), UserError);
  }
});

Deno.test("shapeOf() lists the shapes it knows", () => {
  assert.equal(shapeOf("minilm").width, 384);
  assert.throws(() => shapeOf("constructor"), /expected small, minilm, distilbert/);
});
