import assert from "node:assert/strict";
import { fileCache } from "../../src/cli/file_cache.ts";
import { withFolder } from "../temp_folder.ts";

Deno.test("fileCache() creates its folder and keeps bytes in one file a key", () =>
  withFolder(async (parent) => {
    const folder = `${parent}/a/b`;
    const cache = fileCache(folder);
    assert.equal(await cache.get("k1"), undefined);
    await cache.set("k1", Uint8Array.of(1, 2));
    await cache.set("k1", Uint8Array.of(3));
    assert.deepEqual(await fileCache(folder).get("k1"), Uint8Array.of(3));
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["k1"]);
  }));

Deno.test("fileCache() leaves no temporary file when the rename fails", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/k1/in-the-way`, { recursive: true });
    await assert.rejects(fileCache(folder).set("k1", Uint8Array.of(1)));
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["k1"]);
  }));

Deno.test("fileCache() refuses keys that are paths", async () => {
  await assert.rejects(fileCache("x").get("../secret"), RangeError);
  await assert.rejects(fileCache("x").set("", Uint8Array.of(1)), RangeError);
});
