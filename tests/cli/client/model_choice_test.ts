import assert from "node:assert/strict";
import { join } from "node:path";
import { chooseModel } from "../../../src/cli/client/model_choice.ts";
import { readTokenizerFacts } from "../../../src/data/tokenizer_files.ts";
import { chatTemplateHash } from "../../../src/federated/remote/chat_template_hash.ts";
import { createKey, openKey } from "../../../src/federated/remote/client_key.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { servedModelHash } from "../../../src/protocol/served_model.ts";
import { modelHash } from "../../../src/weights/mod.ts";
import { folderFiles } from "../../../src/cli/deno_files.ts";
import { connectionTo, fetchOf, problem } from "../../federated/remote/fake_server.ts";
import { withFolder } from "../../temp_folder.ts";

const key = await openKey(await createKey());
const golden = new URL("../../golden/llama/", import.meta.url);
const contents = new Map<string, Uint8Array<ArrayBuffer>>();
for (const name of ["config.json", "model.safetensors"]) {
  contents.set(name, await Deno.readFile(new URL(name, golden)));
}
const encode = (text: string) => new TextEncoder().encode(text);
contents.set("tokenizer.json", encode('{"model":{"vocab":{"a":0}}}'));
const hash = await modelHash(folderFiles(golden.pathname));
const { hash: tokenizer } = await readTokenizerFacts({ model: { vocab: { a: 0 } } }, {});

interface Asked {
  readonly chatTemplate?: string;
  readonly name?: string;
  readonly model?: string | null;
  readonly revision?: string | null;
  readonly files?: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** As the server lists it, where that is not the truth. */
  readonly list?: readonly { readonly path: string; readonly size: number }[];
  readonly cacheDir?: string;
}

async function choose(
  {
    name = "org/tiny",
    model = null,
    revision = null,
    files = contents,
    list,
    cacheDir = "none",
    chatTemplate,
  }: Asked,
) {
  const fetched: string[] = [];
  const wanted = {
    ...{ name, revision: "v2", hash, tokenizer },
    ...(chatTemplate !== undefined && { chatTemplate }),
  };
  const root = `/v1/models/${await servedModelHash(wanted)}/files`;
  const fetch = fetchOf(key, ({ route }) => {
    if (route === root) {
      return Response.json(
        list ?? [...files].map(([path, { length }]) => ({ path, size: length })),
      );
    }
    const path = decodeURIComponent(route.slice(root.length + 1));
    fetched.push(path);
    return files.has(path) ? new Response(files.get(path)) : problem("not-found", 404);
  });
  const choice = await chooseModel({
    manifest: { name: "news", model: wanted } as RunManifest,
    settings: { model, revision },
    connection: connectionTo(key, fetch),
    cacheDir,
    onProgress: () => {},
  });
  return { choice, fetched };
}

Deno.test("chooseModel() takes what the run names, at its revision", async () => {
  const { choice } = await choose({});
  assert.deepEqual(choice, { model: "org/tiny", revision: "v2", given: false });
  const { choice: builtIn } = await choose({ name: "built-in base" });
  assert.deepEqual(builtIn, { model: null, revision: null, given: false });
  for (const name of ["my own model", "tinystories"]) {
    await assert.rejects(choose({ name }), /with --model, or use --model server/);
  }
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
  withFolder(async (cacheDir) => {
    const first = await choose({ model: "server", cacheDir });
    const folder = join(cacheDir, "models", hash);
    assert.deepEqual(first.choice, { model: folder, revision: null, given: true });
    assert.deepEqual(first.fetched, [...contents.keys()]);
    assert.deepEqual(
      await Deno.readFile(join(folder, "model.safetensors")),
      contents.get("model.safetensors"),
    );
    assert.deepEqual((await choose({ model: "server", cacheDir })).fetched, []);
  }));

Deno.test("chooseModel() throws away a copy that is not the run's model", () =>
  withFolder(async (cacheDir) => {
    const forgeries = [
      ["config.json", "{}", /expected hash .*, got /],
      ["tokenizer.json", '{"model":{}}', /expected a tokenizer of hash .*, got /],
    ] as const;
    for (const [path, text, expected] of forgeries) {
      const files = new Map(contents).set(path, encode(text));
      await assert.rejects(
        choose({ model: "server", cacheDir, files }),
        (error: Error) => error instanceof UserError && expected.test(error.message),
      );
      assert.deepEqual([...Deno.readDirSync(join(cacheDir, "models"))], []);
    }
    assert.equal((await choose({ model: "server", cacheDir })).fetched.length, 3);
  }));

Deno.test("chooseModel() keeps copies with several chat templates beside each other", () =>
  withFolder(async (cacheDir) => {
    const download = async (template: string) =>
      await choose({
        ...{ model: "server", cacheDir },
        files: new Map(contents).set("chat_template.jinja", encode(template)),
        chatTemplate: (await chatTemplateHash({ chat_template: template }))!,
      });
    const [one, other] = [await download("one"), await download("two")];
    assert.notEqual(one.choice.model, other.choice.model);
    assert.equal(other.fetched.length, contents.size + 1);
    assert.deepEqual((await download("one")).fetched, []);
  }));

Deno.test("chooseModel() downloads anew what the cache has in another size", () =>
  withFolder(async (cacheDir) => {
    const folder = join(cacheDir, "models", hash);
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "config.json"), "{}");
    const { fetched } = await choose({ model: "server", cacheDir });
    assert.deepEqual(fetched, [...contents.keys()]);
    assert.deepEqual(
      await Deno.readFile(join(folder, "config.json")),
      contents.get("config.json"),
    );
  }));

Deno.test("chooseModel() takes no more of a file than was announced, and no less", () =>
  withFolder(async (cacheDir) => {
    const real = contents.get("config.json")!.length;
    for (const [size, got] of [[real - 1, "more"], [real + 1, String(real)]] as const) {
      await assert.rejects(
        choose({ model: "server", cacheDir, list: [{ path: "config.json", size }] }),
        {
          name: "UserError",
          message:
            `Cannot download "config.json" of the base model: expected ${size} bytes, got ${got}`,
        },
      );
      assert.deepEqual([...Deno.readDirSync(join(cacheDir, "models", hash))], []);
    }
  }));

Deno.test("chooseModel() downloads no model that would fill the disk", async () => {
  const lists = [
    [{ path: "a", size: 2 ** 37 }, { path: "b", size: 2 ** 37 + 1 }],
    Array.from({ length: 1001 }, (_, i) => ({ path: `f${i}`, size: 1 })),
  ];
  const got = [/expected at most \d+ bytes, got 274877906945$/, /at most 1000 files, got 1001$/];
  for (const [i, list] of lists.entries()) {
    await assert.rejects(choose({ model: "server", list }), got[i]);
  }
});

Deno.test("chooseModel() writes nothing outside its folder", () =>
  withFolder(async (cacheDir) => {
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
