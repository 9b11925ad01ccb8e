import assert from "node:assert/strict";
import { join } from "node:path";
import { isLeftover, lockFolder, namesIn } from "../../src/cli/working_folder.ts";

Deno.test("lockFolder() keeps a second process out until it is disposed", async () => {
  const path = await Deno.makeTempDir();
  {
    using _lock = await lockFolder(path);
    await assert.rejects(lockFolder(path), /another process is working in it/);
  }
  (await lockFolder(path))[Symbol.dispose]();
  assert.deepEqual(await namesIn(path), ["run.lock"]);
  assert.ok(isLeftover("run.lock"));
});

Deno.test("namesIn() sorts, finds nothing in what is not there, and refuses a file", async () => {
  const path = await Deno.makeTempDir();
  for (const name of ["b", "a"]) await Deno.writeTextFile(join(path, name), "");
  assert.deepEqual(await namesIn(path), ["a", "b"]);
  assert.deepEqual(await namesIn(join(path, "none")), []);
  await assert.rejects(namesIn(join(path, "a")), {
    name: "UserError",
    message: /Cannot use folder/,
  });
});
