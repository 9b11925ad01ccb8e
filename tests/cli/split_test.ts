/** `deno task split`, as a user runs it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { runCli } from "./command.ts";

const lines = [
  { text: "one", label: "odd" },
  { text: "two", label: "even" },
  { text: "three", label: "odd" },
  { text: "four", label: "even", split: "validation" },
  { text: "five", label: "odd", split: "test" },
].map((row) => JSON.stringify({ split: "train", ...row })).join("\n");

Deno.test("deno task split tells its files, and leaves no labels of an earlier split where there are none", async () => {
  const folder = await Deno.makeTempDir();
  const [data, out] = [join(folder, "texts.jsonl"), join(folder, "shares")];
  await Deno.writeTextFile(data, lines);
  const split = (...flags: string[]) =>
    runCli("split", [`--data=${data}`, "--partition=iid", `--out=${out}`, ...flags]);
  try {
    const labelled = await split("--clients=2");
    assert.equal(labelled.code, 0, labelled.err);
    assert.deepEqual(labelled.out.trim().split("\n").map((line) => line.replace(out, "")), [
      "/client-01.jsonl  2 rows",
      "/client-02.jsonl  1 row",
      "/held-out.jsonl  1 validation and 1 test row",
      "/labels.txt  2 labels",
    ]);
    const again = await split("--clients=2", "--task=lm", "--overwrite");
    assert.equal(again.code, 0, again.err);
    const left = (await Array.fromAsync(Deno.readDir(out))).map(({ name }) => name).sort();
    assert.deepEqual(left, ["client-01.jsonl", "client-02.jsonl", "held-out.jsonl"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
