import assert from "node:assert/strict";
import fc from "fast-check";
import { loadData } from "../../src/data/load.ts";
import { jsonLines, splitData } from "../../src/data/split.ts";
import type { LabelledData, Sample } from "../../src/data/types.ts";

const train: Sample[] = ["a", "b", "c"].map((text, i) => ({ id: `p${i}`, text, label: "x" }));
const data: LabelledData = { name: "posts", labels: ["x", "y"], train, validation: [], test: [] };

Deno.test("splitData() gives each client its samples under the whole label set", () => {
  const [first, second] = splitData(data, [[2], Uint32Array.of(0, 1)]);
  assert.deepEqual(first, {
    name: "posts, client 0",
    labels: ["x", "y"],
    train: [{ id: "p2", text: "c", label: "x", split: "train" }],
    validation: [],
    test: [],
  });
  assert.deepEqual(second.train.map(({ id }) => id), ["p0", "p1"]);
});

Deno.test("splitData() refuses an index outside the training samples", () => {
  assert.throws(() => splitData(data, [[3]]), /expected indices below 3, got 3/);
});

Deno.test("jsonLines() writes a line a sample, marking empty texts", () => {
  const [share] = splitData({ ...data, train: [{ id: "e", text: "", label: "y" }] }, [[0]]);
  assert.equal(
    jsonLines({ ...share, test: [{ id: "t", text: 'say "hi"\n', label: "x" }] }),
    '{"id":"e","text":"","label":"y","split":"train","stripped":true}\n' +
      '{"id":"t","text":"say \\"hi\\"\\n","label":"x","split":"test"}\n',
  );
});

Deno.test("loadData() reads the very samples that jsonLines() wrote", async () => {
  const part = (split: "train" | "validation" | "test", minLength: number) =>
    fc.array(
      fc.record({
        id: fc.string({ minLength: 1, unit: "binary" }),
        text: fc.string({ unit: "binary" }),
        label: fc.constantFrom("x", "y"),
        split: fc.constant(split),
      }, { noNullPrototype: true }),
      { minLength, maxLength: 4 },
    );
  const anyData = fc.record({
    name: fc.constant("share.jsonl"),
    labels: fc.constant(["y", "x"]),
    train: part("train", 1),
    validation: part("validation", 0),
    test: part("test", 0),
  }, { noNullPrototype: true });
  await fc.assert(fc.asyncProperty(anyData, async (written) => {
    const loaded = await loadData({
      name: "share.jsonl",
      bytes: new TextEncoder().encode(jsonLines(written)),
      labels: ["y", "x"],
      testShare: 0,
      validationShare: 0,
      seed: 1,
    });
    assert.deepEqual(loaded, written);
  }));
});
