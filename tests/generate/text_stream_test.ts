import assert from "node:assert/strict";
import fc from "fast-check";
import { createTextStream } from "../../src/generate/text_stream.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { readTokenizerFiles, sharedFile } from "../data/shared_folder.ts";

/** Tokens are bytes, as in byte-level BPE without merges. */
const decodeBytes = (ids: ArrayLike<number>) => new TextDecoder().decode(Uint8Array.from(ids));

/** Shows each byte of an incomplete character by itself, as byte fallback does, and drops a space at the start. */
function decodeByteByByte(ids: ArrayLike<number>): string {
  const fatal = new TextDecoder("utf-8", { fatal: true });
  const bytes = Uint8Array.from(ids);
  let text = "";
  for (let i = 0; i < bytes.length;) {
    const length = [1, 2, 3, 4].find((length) => {
      if (i + length > bytes.length) return false;
      try {
        return [...fatal.decode(bytes.subarray(i, i + length))].length === 1;
      } catch {
        return false;
      }
    });
    text += length ? fatal.decode(bytes.subarray(i, i + length)) : "\ufffd";
    i += length ?? 1;
  }
  return text.replace(/^ /, "");
}

function streamed(decode: typeof decodeBytes, prompt: Uint8Array, text: Uint8Array): string[] {
  const stream = createTextStream(decode, prompt);
  return [...Array.from(text, (id) => stream.push(id)), stream.end()];
}

for (const [name, decode] of Object.entries({ decodeBytes, decodeByteByByte })) {
  Deno.test(`createTextStream() gives whole characters alone, and all of the text (${name})`, () => {
    const texts = fc.string({ unit: "grapheme", maxLength: 20 })
      // A text of U+FFFD itself looks like a character that is not complete.
      .filter((text) => !text.includes("\ufffd") && text.isWellFormed());
    fc.assert(
      fc.property(texts, texts, (before, text) => {
        const [prompt, bytes] = [before, text].map((part) => new TextEncoder().encode(part));
        const pieces = streamed(decode, prompt, bytes);
        assert.equal(pieces.join(""), before === "" ? decode(bytes) : text);
        for (const piece of pieces) assert.ok(piece.isWellFormed() && !piece.includes("\ufffd"));
      }),
      { numRuns: 300 },
    );
  });
}

Deno.test("createTextStream() holds back a character until its last byte", () => {
  const pieces = streamed(decodeBytes, new Uint8Array(), new TextEncoder().encode("a☃b"));
  assert.deepEqual(pieces, ["a", "", "", "☃", "b", ""]);
});

Deno.test("createTextStream() shows bytes that no character ends at the end, or once they cannot be one", () => {
  const [first, second] = new TextEncoder().encode("☃");
  const text = Uint8Array.of(first, second);
  assert.deepEqual(streamed(decodeBytes, new Uint8Array(), text), ["", "", "\ufffd"]);
  // Five bytes that are each no character: two of them cannot belong to one that follows.
  const lone = new Uint8Array(5).fill(0x80);
  const pieces = streamed(decodeByteByByte, new Uint8Array(), lone);
  assert.deepEqual(pieces, ["", "", "", "\ufffd", "\ufffd", "\ufffd\ufffd\ufffd"]);
});

const folder = "models/tinystories-656k";
Deno.test({
  name: "createTextStream() keeps the spaces of tinystories-656k's tokens",
  ignore: sharedFile(`${folder}/tokenizer.json`) === undefined,
  async fn() {
    const { encode, decode } = await createTokenizer(...readTokenizerFiles(folder));
    const ids = encode("Once upon a time, there was a little girl. She saw a big dog!\nThe end.");
    for (const cut of [1, 2, 5, 9]) {
      const stream = createTextStream(decode, ids.subarray(0, cut));
      const pieces = Array.from(ids.subarray(cut), (id) => stream.push(id));
      const text = decode(ids.subarray(0, cut)) + pieces.join("") + stream.end();
      assert.equal(text, decode(ids));
    }
  },
});
