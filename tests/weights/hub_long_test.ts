// Loads transformers.js (500 MB on a cold cache), hence not among the quick tests.
import assert from "node:assert/strict";
import { folderCache } from "../../src/cli/deno_files.ts";
import { lazyPackage, TRANSFORMERS_PACKAGE } from "../../src/protocol/lazy_package.ts";
import { encodeSafetensors } from "../../src/protocol/safetensors.ts";
import { hubFiles, openWeights, readConfig } from "../../src/weights/mod.ts";

const ID = "org/tiny-bert";

const repository: Record<string, Uint8Array<ArrayBuffer>> = {
  "config.json": new TextEncoder().encode('{"model_type":"bert","hidden_size":2}'),
  "model.safetensors": new Uint8Array(encodeSafetensors([
    { name: "pooler.dense.bias", shape: [2], data: new Float32Array([1, 2]) },
  ])),
};

/** The parts of transformers.js that the test touches. */
interface Transformers {
  env: {
    remoteHost: string;
    cacheDir: string | null;
    useBrowserCache: boolean;
    allowRemoteModels: boolean;
  };
  AutoConfig: { from_pretrained(id: string): Promise<{ hidden_size: number }> };
}

Deno.test("hubFiles() fetches as transformers.js is set, and shares its cache folder", async () => {
  const { env, AutoConfig } = await lazyPackage<Transformers>(TRANSFORMERS_PACKAGE);
  const requests: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    requests.push(pathname);
    const file = repository[pathname.replace(`/${ID}/resolve/main/`, "")];
    return file ? new Response(file) : new Response("Entry not found", { status: 404 });
  });
  const settings = { ...env };
  const folder = await Deno.makeTempDir();
  try {
    env.remoteHost = `http://127.0.0.1:${server.addr.port}/`;
    const cache = folderCache(folder);
    await assert.rejects(() => hubFiles(ID, { cache, offline: true }).open("config.json"), {
      name: "HubError",
      message: `Cannot load "${ID}" offline: revision "main" is not in the cache "${folder}"; ` +
        "run once online to download it, or give a model folder",
    });

    const online = hubFiles(ID, { cache });
    assert.deepEqual(await readConfig(online), { model_type: "bert", hidden_size: 2 });
    const weights = await openWeights(online);
    assert.deepEqual(await weights.load("pooler.dense.bias", [2]), new Float32Array([1, 2]));
    assert.deepEqual(
      requests,
      ["config.json", "model.safetensors"].map((path) => `/${ID}/resolve/main/${path}`),
    );

    await server.shutdown();
    const offline = await openWeights(hubFiles(ID, { cache, offline: true }));
    assert.deepEqual(await offline.load("pooler.dense.bias", [2]), new Float32Array([1, 2]));
    await assert.rejects(() => hubFiles(ID, { cache }).open("tokenizer.json"), {
      name: "HubError",
      message: /cannot be reached/,
    });

    Object.assign(env, { cacheDir: folder, useBrowserCache: false, allowRemoteModels: false });
    assert.equal((await AutoConfig.from_pretrained(ID)).hidden_size, 2);
  } finally {
    Object.assign(env, settings);
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
