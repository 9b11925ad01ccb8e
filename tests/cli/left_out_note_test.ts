import assert from "node:assert/strict";
import { leftOutNote } from "../../src/cli/left_out_note.ts";
import { tokenRows } from "../../src/data/token_rows.ts";

const conversation = (length: number) => ({
  ids: new Uint32Array(length),
  learned: Uint8Array.from({ length }, (_, t) => t >= 3 ? 1 : 0),
});

Deno.test("leftOutNote() counts conversations whose replies lie beyond a row, packed or not", () => {
  const cut = [conversation(3), conversation(5), conversation(4), conversation(2)];
  for (const packed of [true, false]) {
    assert.equal(
      leftOutNote({ task: "chat", seqLen: 12 }, 4, tokenRows(cut, 12, { packed })),
      "2 of 4 conversations to train on left out: no reply within 12 tokens (--seq-len)",
    );
  }
});

Deno.test("leftOutNote() has nothing to say where all are learned from, or texts are", () => {
  const rows = tokenRows([conversation(5), conversation(4)], 12, { packed: true });
  assert.equal(leftOutNote({ task: "chat", seqLen: 12 }, 2, rows), undefined);
  // A text in pieces is more than one document.
  assert.equal(leftOutNote({ task: "lm", seqLen: 12 }, 1, rows), undefined);
});
