import assert from "node:assert/strict";
import { type HubCache, type HubEnvironment, hubFiles } from "../../src/weights/mod.ts";
import { memoryFile } from "./memory_files.ts";

const ID = "org/tiny-bert";

function memoryCache(kept: Record<string, Uint8Array> = {}): HubCache {
  return {
    name: "cache folder",
    match: (key) => Promise.resolve(kept[key] && memoryFile(key, kept[key])),
    put: async (key, body) => {
      kept[key] = new Uint8Array(await new Response(body).arrayBuffer());
      return memoryFile(key, kept[key]);
    },
  };
}

interface Hub {
  readonly requests: { url: string; authorization: string | null }[];
  readonly environment: () => Promise<HubEnvironment>;
}

function fakeHub(answer: (url: string) => Response, allowRemoteModels = true): Hub {
  const requests: Hub["requests"] = [];
  return {
    requests,
    environment: () =>
      Promise.resolve({
        allowRemoteModels,
        remoteHost: "https://hub.test",
        remotePathTemplate: "{model}/resolve/{revision}/",
        fetch: (url, init) => {
          requests.push({ url, authorization: new Headers(init?.headers).get("authorization") });
          return Promise.resolve().then(() => answer(url));
        },
      }),
  };
}

const neverLoaded = (): Promise<HubEnvironment> => Promise.reject(new Error("loaded"));

Deno.test("hubFiles() downloads a file once and keeps it under transformers.js' key", async () => {
  const kept: Record<string, Uint8Array> = {};
  const hub = fakeHub(() => new Response("{}"));
  const files = hubFiles(ID, { cache: memoryCache(kept), environment: hub.environment });
  const [first, second] = await Promise.all([files.open("config.json"), files.open("config.json")]);
  assert.equal(first, second);
  assert.equal(await first!.size(), 2);
  assert.deepEqual(Object.keys(kept), ["org/tiny-bert/config.json"]);
  assert.deepEqual(hub.requests, [
    { url: "https://hub.test/org/tiny-bert/resolve/main/config.json", authorization: null },
  ]);

  const again = hubFiles(ID, { cache: memoryCache(kept), environment: neverLoaded });
  assert.equal(await (await again.open("config.json"))!.size(), 2);
});

Deno.test("hubFiles() asks for the revision with the token, and keeps it apart from main", async () => {
  const kept: Record<string, Uint8Array> = {};
  const { environment, requests } = fakeHub(() => new Response("{}"));
  const options = { cache: memoryCache(kept), revision: "refs/pr/1", token: "secret", environment };
  await hubFiles(ID, options).open("config.json");
  assert.deepEqual(Object.keys(kept), ["org/tiny-bert/refs/pr/1/config.json"]);
  assert.deepEqual(requests, [{
    url: "https://hub.test/org/tiny-bert/resolve/refs%2Fpr%2F1/config.json",
    authorization: "Bearer secret",
  }]);
});

Deno.test("hubFiles() gives undefined for a file the model does not have", async () => {
  const { environment } = fakeHub(() => new Response("Entry not found", { status: 404 }));
  const files = hubFiles(ID, { cache: memoryCache(), environment });
  assert.equal(await files.open("model.safetensors"), undefined);
});

Deno.test("hubFiles() says what a refusal or failure means", async () => {
  const cases: [() => Response, RegExp][] = [
    [
      () => new Response("", { status: 401 }),
      /^Cannot download "config\.json" of "org\/tiny-bert": the hub answered 401: no such model, or one that needs an access token$/,
    ],
    [
      () => new Response("", { status: 503 }),
      /the hub answered 503 for "https:\/\/hub\.test\/org\/tiny-bert\/resolve\/main\/config\.json"$/,
    ],
    [
      () => {
        throw new TypeError("no route to host");
      },
      /"https:\/\/hub\.test" cannot be reached \(no route to host\); use the cache alone/,
    ],
    [
      () => new Response("half", { headers: { "content-length": "8" } }),
      /expected 8 bytes, got 4$/,
    ],
  ];
  for (const [answer, message] of cases) {
    const kept = {};
    const { environment } = fakeHub(answer);
    const files = hubFiles(ID, { cache: memoryCache(kept), environment });
    await assert.rejects(() => files.open("config.json"), { name: "HubError", message });
    assert.deepEqual(kept, {});
  }
});

Deno.test("hubFiles() tries again after a failed download", async () => {
  const answers = [new Response("", { status: 503 }), new Response("{}")];
  const { environment } = fakeHub(() => answers.shift()!);
  const files = hubFiles(ID, { cache: memoryCache(), environment });
  await assert.rejects(() => files.open("config.json"), { name: "HubError" });
  assert.ok(await files.open("config.json"));
});

Deno.test("hubFiles() reports progress, without a total when the body is compressed", async () => {
  const progress: unknown[] = [];
  const headers = { "content-length": "4" };
  const answers = [
    new Response("1234", { headers }),
    new Response("12345678", { headers: { ...headers, "content-encoding": "gzip" } }),
  ];
  const { environment } = fakeHub(() => answers.shift()!);
  const files = hubFiles(ID, {
    cache: memoryCache(),
    environment,
    onProgress: (path, loaded, total) => progress.push([path, loaded, total]),
  });
  await files.open("a");
  await files.open("b");
  assert.deepEqual(progress, [["a", 4, 4], ["b", 8, undefined]]);
});

Deno.test("hubFiles() offline uses the cache alone, and says so when the model is not in it", async () => {
  const kept: Record<string, Uint8Array> = {};
  const options = { cache: memoryCache(kept), offline: true, environment: neverLoaded };
  await assert.rejects(() => hubFiles(ID, options).open("model.safetensors"), {
    name: "HubError",
    message: 'Cannot load "org/tiny-bert" offline: revision "main" is not in the cache ' +
      '"cache folder"; run once online to download it, or give a model folder',
  });
  kept["org/tiny-bert/config.json"] = new Uint8Array(2);
  const files = hubFiles(ID, options);
  assert.ok(await files.open("config.json"));
  assert.equal(await files.open("model.safetensors"), undefined);
  assert.equal(files.label, "org/tiny-bert (offline, cached files only)");
});

Deno.test("hubFiles() takes allowRemoteModels=false for offline", async () => {
  const { environment, requests } = fakeHub(() => new Response("{}"), false);
  const files = hubFiles(ID, { cache: memoryCache(), environment });
  await assert.rejects(() => files.open("config.json"), { message: /^Cannot load .* offline/ });
  assert.deepEqual(requests, []);
});

Deno.test("hubFiles() refuses what cannot be an id or a revision", () => {
  const cache = memoryCache();
  for (const id of ["", "a/b/c", "../b", "a/..", "/a", "a b", "a/.b"]) {
    assert.throws(() => hubFiles(id, { cache }), {
      name: "HubError",
      message: `Cannot use "${id}" as a hub id: expected "organisation/model"`,
    });
  }
  for (const revision of ["", "../x", "/x", "x/", "a..b", "a?b"]) {
    assert.throws(() => hubFiles(ID, { cache, revision }), { message: /as a revision/ });
  }
  hubFiles("gpt2", { cache });
});
