import assert from "node:assert/strict";
import { DataError, jsonLines, loadData, type LoadOptions, splitData } from "../../src/data/mod.ts";
import { UserError } from "../../src/protocol/errors.ts";

const encoder = new TextEncoder();

function load(
  name: string,
  content: string | Uint8Array,
  more: Partial<LoadOptions> = {},
): ReturnType<typeof loadData> {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  return loadData({ name, bytes, seed: 1, ...more });
}

async function gzip(content: string): Promise<Uint8Array> {
  const packed = new Blob([content]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** Asserts a one-line message for the user. */
function rejects(promise: Promise<unknown>, message: RegExp): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof DataError && error instanceof UserError);
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"), "one line");
    return true;
  });
}

const asItStands = { testShare: 0, validationShare: 0 };
const two = '{"text":"a b","label":"y"}\n\n{"id":7,"text":"c","label":"x"}\r\n';

Deno.test("loadData() reads JSON Lines with line numbers as ids where there are none", async () => {
  const data = await load("d.jsonl", two, asItStands);
  assert.deepEqual(data, {
    name: "d.jsonl",
    labels: ["x", "y"],
    train: [{ id: "1", text: "a b", label: "y" }, { id: "7", text: "c", label: "x" }],
    validation: [],
    test: [],
  });
});

Deno.test("loadData() reads packed files and a byte order mark", async () => {
  const plain = await load("d.jsonl", two, asItStands);
  for (const content of [two, "\ufeff" + two]) {
    const packed = await load("D.JSONL.GZ", await gzip(content), asItStands);
    assert.deepEqual(packed.train, plain.train);
  }
});

Deno.test("loadData() reads CSV with quoted line ends, commas and quotes", async () => {
  const csv = 'category,text\nx,"a, ""b""\nc"\n\ny,d\n';
  const data = await load("d.csv", csv, asItStands);
  assert.deepEqual(data.train, [
    { id: "2", text: 'a, "b"\nc', label: "x" },
    { id: "5", text: "d", label: "y" },
  ]);
  assert.deepEqual((await load("d.csv.gz", await gzip(csv), asItStands)).train, data.train);
});

Deno.test("loadData() takes columns by name and prefers labelName", async () => {
  const line = '{"text":"a","body":"b","label":0,"labelName":"n","tag":"t"}\n';
  const byDefault = await load("d.jsonl", line, asItStands);
  assert.deepEqual([byDefault.train[0].text, byDefault.train[0].label], ["a", "n"]);
  const asked = await load("d.jsonl", line, {
    ...asItStands,
    textColumn: "body",
    labelColumn: "tag",
  });
  assert.deepEqual([asked.train[0].text, asked.train[0].label], ["b", "t"]);
});

Deno.test("loadData() honours splits and draws no part that is there", async () => {
  const line = (split: string) => JSON.stringify({ text: split, label: "x", split }) + "\n";
  const data = await load("d.jsonl", ["train", "dev", "test", "train"].map(line).join(""));
  assert.deepEqual(
    [data.train, data.validation, data.test].map((part) => part.map(({ id }) => id)),
    [["1", "4"], ["2"], ["3"]],
  );
  assert.equal(data.validation[0].split, "validation");
});

Deno.test("loadData() draws a fifth for testing and a tenth of the rest for validation", async () => {
  const lines = Array.from({ length: 100 }, (_, i) => `{"text":"t${i}","label":${i % 3}}\n`).join(
    "",
  );
  const data = await load("d.jsonl", lines);
  assert.deepEqual([data.train.length, data.validation.length, data.test.length], [72, 8, 20]);
  const ids = [...data.train, ...data.validation, ...data.test].map(({ id }) => Number(id));
  assert.deepEqual(ids.sort((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i + 1));
  assert.deepEqual(await load("d.jsonl", lines), data, "same seed");
  assert.notDeepEqual((await load("d.jsonl", lines, { seed: 2 })).test, data.test);
  const other = await load("d.jsonl", lines, { validationShare: 0.5 });
  assert.deepEqual(other.test, data.test, "the test part does not depend on the validation share");
  assert.equal(other.validation.length, 40);
});

Deno.test("loadData() keeps a row to train on however few there are", async () => {
  const one = await load("d.jsonl", '{"text":"a","label":"x"}');
  assert.deepEqual([one.train.length, one.validation.length, one.test.length], [1, 0, 0]);
});

Deno.test("loadData() sorts whole-number labels by value and others by character code", async () => {
  const labels = async (values: unknown[]) =>
    (await load("d.jsonl", values.map((label) => JSON.stringify({ text: "t", label })).join("\n")))
      .labels;
  assert.deepEqual(await labels([10, 9, "2"]), ["2", "9", "10"]);
  assert.deepEqual(await labels(["b", "a", "B"]), ["B", "a", "b"]);
});

Deno.test("loadData() uses a given label set in its order", async () => {
  const data = await load("d.jsonl", two, { ...asItStands, labels: ["y", "z", "x"] });
  assert.deepEqual(data.labels, ["y", "z", "x"]);
});

Deno.test("loadData() names the line and the label outside a given set", async () => {
  await rejects(
    load("d.jsonl", two, { labels: ["y"] }),
    /^Cannot load line 3 of "d\.jsonl": expected one of 1 labels, got "x"$/,
  );
  await rejects(
    load("d.jsonl", two, { labels: ["y", "x", "y"] }),
    /^Cannot use the label set: expected distinct labels, got "y" twice$/,
  );
});

Deno.test("loadData() recognises 20 Newsgroups and strips its posts", async () => {
  const post = {
    id: "rec.autos/1",
    split: "train",
    label: 7,
    labelName: "rec.autos",
    text: "From: ann\n\nCars.\n--\nAnn",
  };
  const data = await load("n.jsonl", JSON.stringify(post), {
    ...asItStands,
    strip: ["headers", "footers"],
  });
  assert.equal(data.name, "20 Newsgroups");
  assert.deepEqual(data.train, [
    { id: "rec.autos/1", text: "Cars.", label: "rec.autos", split: "train" },
  ]);
  const misnumbered = await load("n.jsonl", JSON.stringify({ ...post, label: 8 }), asItStands);
  assert.equal(misnumbered.name, "n.jsonl");
});

Deno.test("loadData() keeps posts that stripping empties, but not a file that it empties", async () => {
  const lines = '{"text":"no header","label":"x"}\n{"text":"A: b\\n\\nbody","label":"x"}\n';
  const data = await load("d.jsonl", lines, { ...asItStands, strip: ["headers"] });
  assert.deepEqual(data.train.map(({ text }) => text), ["", "body"]);
  await rejects(
    load("d.jsonl", '{"text":"no header","label":"x"}', { strip: ["headers"] }),
    /nothing is left of any row/,
  );
});

Deno.test("loadData() refuses rows without text or label, naming the line", async () => {
  const good = '{"text":"a","label":"x"}\n';
  const cases: [string, RegExp][] = [
    ['{"label":"x"}', /line 2 .* expected text in "text", got nothing$/],
    ['{"text":" ","label":"x"}', /line 2 .* expected text in "text", got " "$/],
    ['{"text":3,"label":"x"}', /line 2 .* expected text in "text", got 3$/],
    ['{"text":"a"}', /line 2 .* expected a label in "label", got nothing$/],
    ['{"text":"a","label":null}', /line 2 .* got null$/],
    ['{"text":"a","label":""}', /line 2 .* got ""$/],
    ['{"text":"a","label":"x","split":"rest"}', /line 2 .* got "rest"$/],
  ];
  for (const [line, message] of cases) await rejects(load("d.jsonl", good + line), message);
  await rejects(
    load("d.csv", 'text,label\n"a\nb",x\n,y\n'),
    /^Cannot load line 4 of "d\.csv": expected text in "text", got ""$/,
  );
});

Deno.test("loadData() names the columns it found when it lacks one", async () => {
  await rejects(
    load("d.csv", "body,label\na,x\n"),
    /text column "text" .* got "body", "label" on line 2$/,
  );
  await rejects(load("d.csv", "text,label\na,x\n", { labelColumn: "tag" }), /label column "tag"/);
});

Deno.test("loadData() refuses empty data", async () => {
  for (const [name, content] of [["d.jsonl", ""], ["d.jsonl", "\n \n"], ["d.csv", ""]]) {
    await rejects(load(name, content), /expected at least one row, got none/);
  }
  await rejects(load("d.csv", "text,label\n"), /expected at least one row, got none/);
  await rejects(
    load("d.jsonl", '{"text":"a","label":"x","split":"test"}'),
    /at least one row to train on/,
  );
});

Deno.test("loadData() names the line that is not a JSON object", async () => {
  await rejects(load("d.jsonl", two + "{oops"), /^Cannot read line 4 of "d\.jsonl": .*got \{oops$/);
  await rejects(load("d.jsonl", "[1]"), /line 1 .* expected a JSON object, got \[1\]$/);
});

Deno.test("loadData() names the line of broken CSV", async () => {
  await rejects(load("d.csv", "text,label\na,x\nb\n"), /as CSV: .* line 3$/);
  await rejects(load("d.csv", 'text,label\n"a,x\n'), /as CSV: Quote Not Closed/);
  await rejects(load("d.csv", "text,text,label\na,b,x\n"), /got "text" twice/);
});

Deno.test("loadData() names the line that is not UTF-8", async () => {
  const bytes = encoder.encode('{"text":"a","label":"x"}\n{"text":"?","label":"x"}\n');
  bytes[bytes.indexOf(0x3f)] = 0xe9;
  await rejects(load("d.jsonl", bytes), /^Cannot read "d\.jsonl": expected UTF-8 .* on line 2$/);
});

Deno.test("loadData() refuses a packed file that is cut short or not packed", async () => {
  const packed = await gzip(two);
  await rejects(load("d.jsonl.gz", packed.slice(0, -6)), /expected a complete gzip file/);
  await rejects(load("d.jsonl.gz", two), /expected a complete gzip file/);
});

Deno.test("loadData() names the formats it reads when given another", async () => {
  await rejects(
    load("d.txt", "a"),
    /expected a file named \.jsonl, \.jsonl\.gz, \.csv or \.csv\.gz$/,
  );
  await rejects(load("d.json", "[]"), /write one JSON object a line and name it \.jsonl$/);
});

Deno.test("loadData() refuses a share outside [0, 1)", async () => {
  await assert.rejects(load("d.jsonl", two, { validationShare: 1 }), RangeError);
  await assert.rejects(load("d.jsonl", two, { testShare: -0.1 }), RangeError);
});

Deno.test("loadData() takes data without training rows from whoever needs none", async () => {
  const rows = '{"text":"a","label":"x","split":"test"}\n';
  await rejects(load("d.jsonl", rows, asItStands), /at least one row to train on/);
  const data = await load("d.jsonl", rows, { ...asItStands, needsTraining: false });
  assert.deepEqual([data.train.length, data.test.length], [0, 1]);
});

Deno.test("loadData() reads texts without labels where labels are for nothing", async () => {
  const lines = Array.from({ length: 10 }, (_, i) => `{"title": "t${i}", "text": "text ${i}"}\n`);
  const data = await load("texts.jsonl", lines.join(""), { labelUse: "nothing" });
  assert.deepEqual(data.labels, []);
  assert.deepEqual([data.train, data.validation, data.test].map(({ length }) => length), [7, 1, 2]);
  assert.ok(data.train.every(({ label }) => label === ""));
  await assert.rejects(
    load("texts.csv", "body\nhello\n", { labelUse: "nothing" }),
    /Cannot load "texts.csv": expected a column "text", got "body" on line 2/,
  );
});

Deno.test("loadData() says what to do about texts without labels that are to be dealt by them", async () => {
  await assert.rejects(
    load("texts.jsonl", '{"text": "hello"}\n', { labelUse: "dealing" }),
    /a label column .*, got "text" on line 1; without labels use --partition iid$/,
  );
});

Deno.test("loadData() reads conversations, and writes them back", async () => {
  const messages = [{ role: "user", content: "hi" }, { role: "assistant", content: "hello" }];
  const rows = Array.from({ length: 4 }, (_, id) => ({ id, messages, split: "train" }));
  const text = rows.map((row) => JSON.stringify(row) + "\n").join("");
  const options = { textColumn: "messages", labelUse: "nothing", messages: true } as const;
  const data = await load("chats.jsonl", text, { ...options, testShare: 0, validationShare: 0 });
  assert.equal(data.conversations, true);
  assert.deepEqual(JSON.parse(data.train[0].text), messages);
  const [share] = splitData(data, [[0, 1, 2, 3]]);
  assert.deepEqual(
    jsonLines(share).trim().split("\n").map((line) => JSON.parse(line)),
    rows.map((row) => ({ ...row, id: String(row.id) })),
  );
});

Deno.test("loadData() names the line whose messages are none", async () => {
  const options = { textColumn: "messages", labelUse: "nothing", messages: true } as const;
  for (const messages of ["hi", [], ["hi"], [{ role: "user" }], [{ role: 1, content: "a" }]]) {
    await assert.rejects(
      load("chats.jsonl", JSON.stringify({ messages }) + "\n", options),
      /Cannot load line 1 of "chats.jsonl": expected a list of messages, each with texts "role" and "content", in "messages", got /,
    );
  }
});
