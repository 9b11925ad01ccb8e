import assert from "node:assert/strict";
import { join } from "node:path";
import { type DataChoice, loadClientData } from "../../../src/cli/client/client_data.ts";

const labels = ["a", "b", "c"];

async function load(
  rows: readonly Record<string, unknown>[],
  changes: Partial<DataChoice> = {},
) {
  const folder = await Deno.makeTempDir();
  try {
    const data = join(folder, "rows.jsonl");
    await Deno.writeTextFile(data, rows.map((row) => JSON.stringify(row)).join("\n"));
    const choice = { data, textColumn: "text", labelColumn: null, heldOut: 0.1, evaluate: false };
    return await loadClientData({ ...choice, ...changes }, labels, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const rowsOf = (count: number, split?: string) =>
  Array.from(
    { length: count },
    (_, i) => ({ id: `${split ?? "row"} ${i}`, text: "t", label: "b", split }),
  );

const idsOf = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id);

Deno.test("loadClientData() holds out a share of the rows, the same at every start", async () => {
  const first = await load(rowsOf(30));
  assert.deepEqual([first.train.length, first.validation.length], [27, 3]);
  assert.deepEqual(idsOf((await load(rowsOf(30))).validation), idsOf(first.validation));
  assert.deepEqual(first.labels, labels, "the run's labels, not those found");
});

Deno.test("loadClientData() with share 0 keeps every row in its order", async () => {
  const data = await load(rowsOf(12), { heldOut: 0 });
  assert.deepEqual(idsOf(data.train), idsOf(rowsOf(12) as { id: string }[]));
  assert.equal(data.validation.length, 0);
});

Deno.test("loadClientData() prefers the file's own marks, and leaves its test rows alone", async () => {
  const rows = [...rowsOf(5, "validation"), ...rowsOf(10, "train"), ...rowsOf(4, "test")];
  const data = await load(rows, { heldOut: 0.5 });
  assert.deepEqual([data.train.length, data.validation.length, data.test.length], [10, 5, 0]);
});

Deno.test("loadClientData() gives an evaluator the marked rows, or all", async () => {
  const marked = await load(
    [...rowsOf(5, "validation"), ...rowsOf(10), ...rowsOf(4, "test")],
    { evaluate: true },
  );
  assert.deepEqual([marked.train.length, marked.validation.length], [0, 9]);
  const onlyTest = await load(rowsOf(4, "test"), { evaluate: true });
  assert.equal(onlyTest.validation.length, 4);
  const all = await load(rowsOf(10), { evaluate: true });
  assert.deepEqual([all.train.length, all.validation.length], [0, 10]);
});

Deno.test("loadClientData() refuses rows that are not the run's, and a client without training rows", async () => {
  const stray = [...rowsOf(2), { text: "t", label: "d" }];
  await assert.rejects(load(stray), /line 3 .*expected one of 3 labels, got "d"/);
  await assert.rejects(load(rowsOf(2, "test")), /at least one row to train on/);
});
