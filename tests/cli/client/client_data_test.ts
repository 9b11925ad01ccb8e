import assert from "node:assert/strict";
import { join } from "node:path";
import { type DataChoice, loadClientData } from "../../../src/cli/client/client_data.ts";
import type { LanguageTask } from "../../../src/protocol/task.ts";

const labels = ["a", "b", "c"];

async function load(
  rows: readonly Record<string, unknown>[],
  { task, ...changes }: Partial<DataChoice> & { readonly task?: LanguageTask } = {},
) {
  const folder = await Deno.makeTempDir();
  try {
    const data = join(folder, "rows.jsonl");
    await Deno.writeTextFile(data, rows.map((row) => JSON.stringify(row)).join("\n"));
    const choice = { data, textColumn: null, labelColumn: null, heldOut: 0.1, evaluate: false };
    const run = { name: "news", seed: 1, ...(task ? { task, labels: [] } : { labels }) };
    return await loadClientData({ ...choice, ...changes }, run);
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

const talk = { messages: [{ role: "user", content: "hi" }, { role: "assistant", content: "yes" }] };

Deno.test("loadClientData() of a language model asks for no labels, and looks at none that are there", async () => {
  const { labels, train } = await load([{ text: "one" }, { text: "two", label: "d" }], {
    task: "lm",
    heldOut: 0,
  });
  assert.deepEqual([labels, train.map(({ text }) => text)], [[], ["one", "two"]]);
  const talks = await load([talk], { task: "chat", heldOut: 0 });
  assert.equal(talks.train[0].text, JSON.stringify(talk.messages));
  assert.equal(talks.conversations, true);
  const posts = await load([{ post: "one" }], { task: "lm", textColumn: "post", heldOut: 0 });
  assert.equal(posts.train[0].text, "one");
});

Deno.test("loadClientData() refuses another task's rows in one line that tells the run's task", async () => {
  await assert.rejects(
    load([talk], { task: "lm" }),
    /expected a column "text", got "messages" on line 1; "news" learns from texts \(--task lm\)$/,
  );
  await assert.rejects(
    load([{ text: "one" }], { task: "chat" }),
    /expected a column "messages", got "text" on line 1; "news" learns from conversations \(--task/,
  );
  await assert.rejects(
    load([{ messages: "hi" }], { task: "chat" }),
    /expected a list of messages, .* got "hi"; "news" learns from conversations \(--task chat\)$/,
  );
  await assert.rejects(
    load([{ text: "one" }]),
    /a label column .*, got "text" on line 1; "news" learns the labels of texts$/,
  );
  await assert.rejects(
    load([{ text: "one", topic: "a" }], { task: "lm", labelColumn: "topic" }),
    /^UserError: Cannot use --label-column: "news" trains a language model, which learns no labels$/,
  );
});
