import assert from "node:assert/strict";
import { loadData } from "../../src/data/load.ts";
import { newsgroupNames } from "../../src/data/newsgroups.ts";
import { sharedFile } from "./shared_folder.ts";

Deno.test("newsgroupNames is in alphabetical order", () => {
  assert.deepEqual([...newsgroupNames].sort(), newsgroupNames);
  assert.equal(newsgroupNames.length, 20);
});

const path = sharedFile("data/20news-bydate.jsonl.gz");

Deno.test({
  name: "loadData() splits 20 Newsgroups by date, with 1,000 training posts for validation",
  ignore: path === undefined,
  fn: async () => {
    const bytes = Deno.readFileSync(path!);
    const data = await loadData({ name: "20news-bydate.jsonl.gz", bytes, seed: 1 });
    assert.equal(data.name, "20 Newsgroups");
    assert.deepEqual(data.labels, newsgroupNames);
    assert.equal(data.train.length + data.validation.length, 11314);
    assert.equal(data.validation.length, 1000);
    assert.equal(data.test.length, 7532);
  },
});
