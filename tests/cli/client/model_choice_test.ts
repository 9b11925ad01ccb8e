import assert from "node:assert/strict";
import { join } from "node:path";
import { chooseModel } from "../../../src/cli/client/model_choice.ts";
import { createKey, openKey } from "../../../src/federated/remote/client_key.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { modelHash } from "../../../src/weights/mod.ts";
import { folderFiles } from "../../../src/cli/deno_files.ts";
import { connectionTo, fetchOf, problem } from "../../federated/remote/fake_server.ts";

const key = await openKey(await createKey());
const golden = new URL("../../golden/llama/", import.meta.url);
const contents = new Map<string, Uint8Array<ArrayBuffer>>();
for (const name of ["config.json", "model.safetensors"]) {
  contents.set(name, await Deno.readFile(new URL(name, golden)));
}
const hash = await modelHash(folderFiles(golden.pathname));

interface Asked {
  readonly name?: string;
  readonly model?: string | null;
  readonly revision?: string | null;
  readonly files?: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly cacheDir?: string;
}

async function choose(
  { name = "org/tiny", model = null, revision = null, files = contents, cacheDir = "none" }: Asked,
) {
  const fetched: string[] = [];
  const root = `/v1/models/${hash}/files`;
  const fetch = fetchOf(key, ({ route }) => {
    if (route === root) {
      return Response.json([...files].map(([path, { length }]) => ({ path, size: length })));
    }
    const path = decodeURIComponent(route.slice(root.length + 1));
    fetched.push(path);
    return files.has(path) ? new Response(files.get(path)) : problem("not-found", 404);
  });
  const choice = await chooseModel({
    manifest: { name: "news", model: { name, revision: "v2", hash } } as RunManifest,
    settings: { model, revision },
    connection: connectionTo(key, fetch),
    cacheDir,
    onProgress: () => {},
  });
  return { choice, fetched };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("chooseModel() takes what the run names, at its revision", async () => {
  const { choice } = await choose({});
  assert.deepEqual(choice, { model: "org/tiny", revision: "v2", given: false });
  const { choice: builtIn } = await choose({ name: "built-in base" });
  assert.deepEqual(builtIn, { model: null, revision: null, given: false });
  await assert.rejects(choose({ name: "my own model" }), /with --model, or use --model server/);
});

Deno.test("chooseModel() takes what the person names; a revision goes with its own model", async () => {
  assert.deepEqual((await choose({ model: "./folder" })).choice, {
    model: "./folder",
    revision: null,
    given: true,
  });
  assert.equal((await choose({ model: "org/tiny" })).choice.revision, "v2");
  assert.equal((await choose({ model: "org/tiny", revision: "v3" })).choice.revision, "v3");
});

Deno.test("chooseModel() downloads the server's copy once", () =>
  inFolder(async (cacheDir) => {
    const first = await choose({ model: "server", cacheDir });
    const folder = join(cacheDir, "models", hash);
    assert.deepEqual(first.choice, { model: folder, revision: null, given: true });
    assert.deepEqual(first.fetched, ["config.json", "model.safetensors"]);
    assert.deepEqual(
      await Deno.readFile(join(folder, "model.safetensors")),
      contents.get("model.safetensors"),
    );
    assert.deepEqual((await choose({ model: "server", cacheDir })).fetched, []);
  }));

Deno.test("chooseModel() throws away a copy that is not the run's model", () =>
  inFolder(async (cacheDir) => {
    const forged = new Map(contents).set("config.json", new TextEncoder().encode("{}"));
    await assert.rejects(
      choose({ model: "server", cacheDir, files: forged }),
      (error: Error) => error instanceof UserError && /expected hash .*, got /.test(error.message),
    );
    assert.deepEqual([...Deno.readDirSync(join(cacheDir, "models"))], []);
    assert.equal((await choose({ model: "server", cacheDir })).fetched.length, 2);
  }));

Deno.test("chooseModel() writes nothing outside its folder", () =>
  inFolder(async (cacheDir) => {
    for (const path of ["../x", "a/../../x", "/x", "a//x", "C:x", "a\\x", ".x", ""]) {
      const files = new Map([[path, new Uint8Array(1)]]);
      await assert.rejects(choose({ model: "server", cacheDir, files }), /no path inside/, path);
    }
    assert.deepEqual([...Deno.readDirSync(cacheDir)], []);
  }));

Deno.test("chooseModel() says that the server has no copy", async () => {
  await assert.rejects(
    choose({ model: "server", files: new Map() }),
    /the server has no copy of "org\/tiny"; give it with --model/,
  );
});
