import assert from "node:assert/strict";
import { readLines } from "../../../src/cli/study/lines.ts";

async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  return await Array.fromAsync(readLines(ReadableStream.from(chunks)));
}

Deno.test("readLines() gives whole lines, however their bytes come", async () => {
  const text = "one\n\nzwölf\n" + "long ".repeat(1000) + "\nhalf a li";
  const bytes = new TextEncoder().encode(text);
  const expected = ["one", "", "zwölf", "long ".repeat(1000)];
  for (const size of [1, 2, 7, 64, bytes.length]) {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
    assert.deepEqual(await linesOf(chunks), expected);
  }
});
