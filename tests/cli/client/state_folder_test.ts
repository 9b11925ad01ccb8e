import assert from "node:assert/strict";
import { join } from "node:path";
import { keyOf } from "../../../src/federated/remote/seat.ts";
import { openStateFolder } from "../../../src/cli/client/state_folder.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { withFolder } from "../../temp_folder.ts";

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

Deno.test("openStateFolder() keeps bytes, and forgets them", () =>
  withFolder(async (folder) => {
    using store = await openStateFolder(join(folder, "a", "client"));
    assert.equal(await store.read("seat.json"), undefined);
    await store.write("seat.json", new Uint8Array([1]));
    await store.write("seat.json", new Uint8Array([2, 3]));
    assert.deepEqual(await store.read("seat.json"), new Uint8Array([2, 3]));
    await store.remove("seat.json");
    await store.remove("seat.json");
    assert.equal(await store.read("seat.json"), undefined);
  }));

Deno.test({
  name: "openStateFolder() lets nobody else read the key, nor look into the folder",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const path = join(folder, "client");
      await Deno.mkdir(path, { mode: 0o755 });
      using store = await openStateFolder(path);
      await keyOf(store);
      assert.equal(await modeOf(path), 0o700);
      assert.equal(await modeOf(join(path, "key.json")), 0o600);
    }),
});

Deno.test("openStateFolder() refuses a folder in use, and takes it when it is free", () =>
  withFolder(async (folder) => {
    const path = join(folder, "client");
    const first = await openStateFolder(path);
    await assert.rejects(
      openStateFolder(path),
      (error: Error) =>
        error instanceof UserError && /another client is working in it/.test(error.message),
    );
    first[Symbol.dispose]();
    using again = await openStateFolder(path);
    assert.equal(again.path, path);
  }));

Deno.test("openStateFolder() clears away what an earlier start was ended over", () =>
  withFolder(async (folder) => {
    const path = join(folder, "client");
    {
      using store = await openStateFolder(path);
      await store.write("seat.json", new Uint8Array([1]));
    }
    await Deno.writeTextFile(join(path, "pending.safetensors.1234.partial"), "half");
    using store = await openStateFolder(path);
    const names = [...Deno.readDirSync(path)].map(({ name }) => name);
    assert.deepEqual(names.sort(), ["client.lock", "seat.json"]);
    assert.deepEqual(await store.read("seat.json"), new Uint8Array([1]));
  }));

Deno.test("openStateFolder() refuses other people's folders and files, and changes nothing", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "notes.txt"), "mine");
    await assert.rejects(openStateFolder(folder), /got other files \("notes.txt"\)/);
    await assert.rejects(openStateFolder(join(folder, "notes.txt")), UserError);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["notes.txt"]);
  }));
