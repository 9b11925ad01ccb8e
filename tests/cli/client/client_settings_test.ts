import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import {
  keepSettings,
  settleSettings,
  stateFolderOf,
} from "../../../src/cli/client/client_settings.ts";
import { type ClientFlags, readClientFlags } from "../../../src/cli/client/flags.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { memoryStore } from "../../federated/remote/memory_store.ts";

Deno.test("stateFolderOf() makes a folder's name of the client's", () => {
  assert.equal(stateFolderOf({ name: "ana" }), "hafl-clients/ana");
  assert.equal(stateFolderOf({ name: "Büro 3/links" }), "hafl-clients/Büro-3-links");
  assert.equal(stateFolderOf({ name: "../../etc" }), "hafl-clients/--..-etc");
  assert.equal(stateFolderOf({ name: "ana", state: "elsewhere" }), "elsewhere");
  assert.throws(() => stateFolderOf({}), /--name/);
});

Deno.test("settleSettings() needs data once, and remembers everything that has proved good", async () => {
  const store = memoryStore();
  await assert.rejects(settleSettings(store, { name: "ana" }), /--data/);
  const first = await settleSettings(store, {
    name: "ana",
    data: "rows.jsonl",
    heldOut: 0.3,
    rank: 4,
    device: "cpu",
    threads: 3,
    baseDtype: "f16",
    recompute: true,
    cacheDir: "cache",
    labelColumn: "topic",
  });
  assert.equal(first.data, resolve("rows.jsonl"));
  await assert.rejects(settleSettings(store, { name: "ana" }), /--data/);
  await keepSettings(store, first);
  assert.deepEqual(await settleSettings(store, { name: "ana" }), first);
  assert.deepEqual(await settleSettings(store, {}), first, "a state folder knows its name");
  const changed = await settleSettings(store, { heldOut: 0 });
  assert.deepEqual(changed, { ...first, heldOut: 0 });
  assert.deepEqual(await settleSettings(store, {}), first, "it has not proved good yet");
  await keepSettings(store, changed);
  assert.deepEqual(await settleSettings(store, {}), changed);
});

Deno.test("settleSettings() keeps a model's folder wherever the next start is made, and a revision with its model", async () => {
  const store = memoryStore();
  const settle = async (flags: ClientFlags) => {
    const settings = await settleSettings(store, { name: "ana", data: "rows.jsonl", ...flags });
    await keepSettings(store, settings);
    return [settings.model, settings.revision];
  };
  assert.deepEqual(await settle({ model: "org/tiny", revision: "v2" }), ["org/tiny", "v2"]);
  assert.deepEqual(await settle({}), ["org/tiny", "v2"]);
  assert.deepEqual(await settle({ revision: "v3" }), ["org/tiny", "v3"]);
  assert.deepEqual(await settle({ model: "server" }), ["server", null]);
  assert.deepEqual(await settle({ model: "./tiny" }), [resolve("tiny"), null]);
  // A folder that is there goes before a hub id of its name, as when it is opened.
  assert.deepEqual(await settle({ model: "src" }), [resolve("src"), null]);
});

Deno.test("settleSettings() does not write an adapter over other files, but over its own", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = memoryStore();
    const flags = { name: "ana", data: "rows.jsonl", out: join(folder, "adapter") };
    await keepSettings(store, await settleSettings(store, flags));
    await Deno.mkdir(flags.out);
    await Deno.writeTextFile(join(flags.out, "adapter_config.json"), "{}");
    assert.equal((await settleSettings(store, flags)).out, flags.out);
    await assert.rejects(settleSettings(memoryStore(), flags), /it is not empty/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readClientFlags() reads its own flags and the shared ones", async () => {
  const flags = await readClientFlags([
    "--server=http://host/#r.0.t",
    "--rank=4",
    "--held-out=0",
    "--evaluate",
    "--text-column=body",
    "--threads=2",
    "--base-dtype=f16",
    "--recompute",
  ]);
  assert.deepEqual(flags, {
    server: "http://host/#r.0.t",
    rank: 4,
    heldOut: 0,
    evaluate: true,
    textColumn: "body",
    threads: 2,
    baseDtype: "f16",
    recompute: true,
  });
});

Deno.test("readClientFlags() refuses values and flags that cannot be", async () => {
  for (
    const [flag, expected] of [
      ["--rank=0", /--rank: expected a whole number of at least 1, got "0"/],
      ["--rank=two", /--rank/],
      ["--held-out=1", /--held-out: expected a number of at least 0 and below 1/],
      ["--name=", /--name/],
      ["--rounds=3", /Unknown flag "--rounds=3"|Unknown flag "--rounds"/],
      ["--hold-out=0", /did you mean "--held-out"/],
    ] as const
  ) {
    await assert.rejects(readClientFlags([flag]), (error: Error) => {
      assert.ok(error instanceof UserError, flag);
      assert.match(error.message, expected);
      return true;
    });
  }
});
