/** `deno task pretrain` as the tests run it. */

import assert from "node:assert/strict";
import { type Ended, runCli } from "../command.ts";

/** A pretraining that ends well. */
export async function succeeds(...args: string[]): Promise<Ended> {
  const ended = await runCli("pretrain", args);
  assert.equal(ended.code, 0, ended.err);
  return ended;
}

/** A user's mistake: one line on stderr that matches, and exit code 2. */
export async function mistake(args: readonly string[], expected: RegExp): Promise<void> {
  const { code, err } = await runCli("pretrain", args);
  assert.equal(code, 2, `${args}: ${err}`);
  assert.equal(err.trim().split("\n").length, 1, err);
  assert.match(err, expected);
}
