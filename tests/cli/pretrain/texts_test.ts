import assert from "node:assert/strict";
import { join } from "node:path";
import { readTexts } from "../../../src/cli/pretrain/texts.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { withFolder } from "../../temp_folder.ts";
import { gzip } from "./gzip.ts";

const encoder = new TextEncoder();

/** The texts of a file with this content. */
async function textsOf(name: string, content: string | Uint8Array): Promise<string[]> {
  let texts: string[] = [];
  await withFolder(async (folder) => {
    const path = join(folder, name);
    await Deno.writeFile(path, typeof content === "string" ? encoder.encode(content) : content);
    texts = await Array.fromAsync(readTexts(path, "text"));
  });
  return texts;
}

async function refused(name: string, content: string | Uint8Array, message: RegExp) {
  await assert.rejects(
    textsOf(name, content),
    (error) => error instanceof UserError && message.test(error.message),
  );
}

const lines = '{"text":"one\\ntwo","id":1}\n\n{"text":"Fünf"}';

Deno.test("readTexts() reads a field of .jsonl lines, skipping empty lines, with or without .gz", async () => {
  assert.deepEqual(await textsOf("a.jsonl", lines), ["one\ntwo", "Fünf"]);
  assert.deepEqual(await textsOf("a.JSONL.GZ", await gzip(encoder.encode(lines))), [
    "one\ntwo",
    "Fünf",
  ]);
});

Deno.test("readTexts() parts .txt files at blank lines", async () => {
  const text = "\none\ntwo\n\n \nthree\r\n\r\nfour";
  assert.deepEqual(await textsOf("a.txt", text), ["one\ntwo\n", "three\r\n", "four\n"]);
  assert.deepEqual(await textsOf("a.txt", "\n \n"), []);
});

Deno.test("readTexts() joins lines and letters that lie across pieces of the file", async () => {
  const long = "ü".repeat(200_001);
  assert.deepEqual(await textsOf("a.jsonl", JSON.stringify({ text: long })), [long]);
});

Deno.test("readTexts() reads every member of a gzip file", async () => {
  const members = await Promise.all(
    ["one\n\ntwo\n", "\nthree\n"].map((text) => gzip(encoder.encode(text))),
  );
  const file = new Uint8Array(await new Blob(members).arrayBuffer());
  assert.deepEqual(await textsOf("a.txt.gz", file), ["one\n", "two\n", "three\n"]);
});

Deno.test("readTexts() refuses documents that never end", async () => {
  const long = new Uint8Array((1 << 26) + 1).fill(0x61);
  await refused("a.txt", long, /a\.txt".* 64 million .* blank lines/);
  await refused("a.jsonl.gz", await gzip(long), /a\.jsonl\.gz".* 64 million .* ends of lines/);
  for (let i = 0; i < long.length; i += 1000) long[i] = 0x0a;
  await refused("a.txt", long, /64 million/);
});

Deno.test("readTexts() tells the bytes of the file that it read", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.jsonl.gz");
    const bytes = await gzip(encoder.encode(lines));
    await Deno.writeFile(path, bytes);
    let read = 0;
    await Array.fromAsync(readTexts(path, "text", (count) => read += count));
    assert.equal(read, bytes.length);
  });
});

Deno.test("readTexts() leaves no file open when its reader stops early", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.txt");
    await Deno.writeTextFile(path, "word\n\n".repeat(100_000));
    // The sanitizer of resources fails this test where the file stays open.
    for await (const text of readTexts(path, "text")) {
      assert.equal(text, "word\n");
      break;
    }
  });
});

Deno.test("readTexts() refuses what is no text, naming file and line", async () => {
  const bytes = Uint8Array.of(...encoder.encode('{"text":"a"}\n'), 0xff, 0xfe);
  await refused("a.jsonl", bytes, /a\.jsonl".*UTF-8.*after line 0/);
  await refused("a.txt.gz", await gzip(bytes), /a\.txt\.gz".*UTF-8/);
  await refused("a.txt", encoder.encode("cut Ü").subarray(0, -1), /UTF-8/);
  await refused("a.jsonl", '{"text":"a"}\n{"body":"b"}\n', /line 2 .*"text"/);
  for (const line of ["{", "3", "null", '{"text":3}', "[]"]) {
    await refused("a.jsonl", line, /line 1 /);
  }
  await refused("a.csv", "text\na\n", /\.jsonl, \.jsonl\.gz, \.txt or \.txt\.gz/);
});

Deno.test("readTexts() refuses a gzip file that is cut or none", async () => {
  const whole = await gzip(encoder.encode(`${lines}\n`.repeat(100)));
  for (const end of [-1, -9, 30]) {
    await refused("a.jsonl.gz", whole.subarray(0, end), /complete gzip/);
  }
  await refused("a.jsonl.gz", lines, /complete gzip/);
});

Deno.test("readTexts() refuses a file that is missing", async () => {
  await assert.rejects(
    Array.fromAsync(readTexts("absent/a.txt", "text")),
    (error) => error instanceof UserError && /absent\/a\.txt/.test(error.message),
  );
});
