import assert from "node:assert/strict";
import { join } from "node:path";
import { openTokenCache } from "../../src/cli/sources.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

Deno.test("openTokenCache() refuses a folder of the user's that cannot be made", async () => {
  const file = join(folder, "file");
  await Deno.writeTextFile(file, "");
  const cache = openTokenCache({ cacheDir: file }, () => assert.fail("no note"));
  await assert.rejects(cache.get("key"), (error: Error) => {
    assert.equal(error.name, "UserError");
    assert.ok(error.message.startsWith(`Cannot use --cache-dir "${file}": `), error.message);
    return true;
  });
});

Deno.test("openTokenCache() passes over a cache that fails later", async () => {
  const cacheDir = join(folder, "later");
  const notes: string[] = [];
  const cache = openTokenCache({ cacheDir }, (line) => notes.push(line));
  assert.equal(await cache.get("key"), undefined);
  await cache.set("key", Uint8Array.of(7));
  assert.deepEqual(await cache.get("key"), Uint8Array.of(7));
  await Deno.remove(join(cacheDir, "tokens"), { recursive: true });
  await Deno.writeTextFile(join(cacheDir, "tokens"), "");
  await cache.set("key", Uint8Array.of(7));
  assert.equal(notes.length, 1);
  assert.match(notes[0], /^Tokens are not cached: /);
});
