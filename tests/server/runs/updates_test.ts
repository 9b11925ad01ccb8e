import assert from "node:assert/strict";
import {
  acceptUpdate,
  auditLog,
  openDownload,
  type RoundAddress,
  runStatus,
  type Service,
  tick,
  withdraw,
} from "../../../server/runs/mod.ts";
import {
  type ClientUpdate,
  decodeUpdate,
  encodeUpdate,
  type RejectReason,
  type RunManifest,
} from "../../../src/protocol/mod.ts";
import { tinyManifest } from "../tiny_run.ts";
import {
  joinedRun,
  refuses,
  send,
  serviceOn,
  sign,
  stores,
  takePart,
  train,
  updateId,
  uploadOf,
} from "./support.ts";

const manifest = tinyManifest();
const { layout } = manifest;

interface Trained {
  readonly run: string;
  readonly address: RoundAddress;
  readonly bytes: Uint8Array;
}

/** Client 1 of a fresh run, before it sends. */
async function trained(service: Service, own: RunManifest = manifest): Promise<Trained> {
  const run = await joinedRun(service, own);
  return { run, ...await train(service, run, 1, own) };
}

/** The update with something changed. */
function altered({ run, bytes }: Trained, change: (update: ClientUpdate) => Partial<ClientUpdate>) {
  const { update } = decodeUpdate(bytes, manifest.layout);
  return encodeUpdate(manifest.layout, { ...update, ...change(update) }, { run }).bytes;
}

const head = (update: ClientUpdate, value: number) =>
  update.head.map((tensor) => ({ ...tensor, data: tensor.data.map(() => value) }));

/** Updates that are refused, and why. */
const bad: Readonly<Record<string, [RejectReason, (good: Trained) => Uint8Array]>> = {
  "is not safetensors": ["malformed", () => new Uint8Array(100)],
  "is empty": ["malformed", () => new Uint8Array()],
  "is cut": ["malformed", ({ bytes }) => bytes.subarray(0, -8)],
  "is of another run": [
    "malformed",
    ({ bytes }) => {
      const { update } = decodeUpdate(bytes, manifest.layout);
      return encodeUpdate(manifest.layout, update, { run: "r2" }).bytes;
    },
  ],
  "names another client": ["wrong-client", (good) => altered(good, () => ({ client: 2 }))],
  "names another round": ["wrong-round", (good) => altered(good, () => ({ round: 1 }))],
  "has no samples": ["samples", (good) => altered(good, () => ({ samples: 0 }))],
  "has too many samples": ["samples", (good) => altered(good, () => ({ samples: 100_001 }))],
  "trains other components": [
    "indices",
    (good) =>
      altered(good, ({ indices }) => ({
        indices: indices.map((list) => list.map((i) => (i + 1) % 4).sort()),
      })),
  ],
  "has a number that is not finite": [
    "not-finite",
    (good) => altered(good, ({ b }) => ({ b: [b[0], b[1].map(() => NaN)] })),
  ],
  "has a head that is not finite": [
    "not-finite",
    (good) => altered(good, (update) => ({ head: head(update, Infinity) })),
  ],
  "has negative scores": [
    "scores",
    (good) =>
      altered(good, ({ scores }) => ({ scores: scores!.map((list) => list.map(() => -1)) })),
  ],
  "has no scores where the server ranks": [
    "scores",
    (good) => {
      const { update: { scores: _, ...update } } = decodeUpdate(good.bytes, manifest.layout);
      return encodeUpdate(manifest.layout, update, { run: good.run }).bytes;
    },
  ],
  "moved too far": ["norm", (good) => altered(good, (update) => ({ head: head(update, 20) }))],
};

for (const store of stores) {
  store.test("acceptUpdate() refuses what is no good update, writes it down and waits on", async ({ open }) => {
    const service = serviceOn(await open());
    const good = await trained(service);
    const { run, address, bytes } = good;
    for (const [name, [reason, make]] of Object.entries(bad)) {
      const work = () => send(service, run, address, make(good));
      await refuses(work, "update-refused", { reason }).catch((error) => {
        throw new Error(`an update that ${name}: ${error.message}`);
      });
      const [latest] = (await runStatus(service, run)).rejects;
      assert.deepEqual([latest.client, latest.round, latest.reason], [1, 0, reason]);
      const [entry] = await auditLog(service, 1);
      assert.deepEqual([entry.actor, entry.act, entry.run], ["client 1", "refused", run]);
      assert.ok(entry.detail.startsWith(`${reason}: Cannot`), entry.detail);
    }
    const { rejectCounts, rejects, current } = await runStatus(service, run);
    assert.equal(rejectCounts.malformed, 4);
    assert.equal(rejects.length, Object.keys(bad).length);
    assert.deepEqual(current?.received, []);
    assert.equal((await send(service, run, address, bytes)).repeated, false);
    assert.deepEqual((await runStatus(service, run)).current?.received, [1]);
  });

  store.test("acceptUpdate() takes B alone where only B is trained", async ({ open }) => {
    const own: RunManifest = { ...manifest, method: { ...manifest.method, factors: "b" } };
    const service = serviceOn(await open());
    const { run, address, bytes } = await trained(service, own);
    const withA = altered({ run, address, bytes }, ({ indices }) => ({
      a: indices.map(({ length }, m) => new Float32Array(length * layout.modules[m].inFeatures)),
    }));
    const refused = { reason: "shape" } as const;
    await refuses(() => send(service, run, address, withA), "update-refused", refused);
    assert.ok(withA.length > bytes.length);
    assert.equal((await send(service, run, address, bytes)).repeated, false);
  });

  store.test("acceptUpdate() takes the head alone, without scores, where nothing else is trained", async ({ open }) => {
    const own: RunManifest = { ...manifest, method: { ...manifest.method, method: "head" } };
    const service = serviceOn(await open());
    const good = await trained(service, own);
    const { run, address, bytes } = good;
    const more: [RejectReason, (update: ClientUpdate) => Partial<ClientUpdate>][] = [
      ["scores", () => ({ scores: layout.modules.map(() => new Float64Array(4).fill(NaN)) })],
      ["indices", () => ({
        indices: layout.modules.map(() => Uint32Array.of(1)),
        a: layout.modules.map(({ inFeatures }) => new Float32Array(inFeatures)),
        b: layout.modules.map(({ outFeatures }) => new Float32Array(outFeatures)),
      })],
    ];
    for (const [reason, change] of more) {
      const work = () => send(service, run, address, altered(good, change));
      await refuses(work, "update-refused", { reason });
    }
    assert.equal((await send(service, run, address, bytes)).repeated, false);
  });

  store.test("acceptUpdate() takes the same update again at any time, and counts it once", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, address, bytes } = await trained(service);
    const update = updateId(address);
    assert.deepEqual(await send(service, run, address, bytes), { update, repeated: false });
    assert.deepEqual(await send(service, run, address, bytes), { update, repeated: true });
    for (const client of [0, 2]) await takePart(service, run, client, manifest);
    await tick(service);
    assert.deepEqual(await send(service, run, address, bytes), { update, repeated: true });
    const { published, rejects } = await runStatus(service, run);
    assert.equal(published[1].samples, 10 + 11 + 12);
    assert.deepEqual(rejects, []);
    const blobs = await service.db.query("SELECT id FROM blobs");
    assert.equal(blobs.length, 2, "two banks; no update is left");
  });

  store.test("acceptUpdate() refuses a second update, under its own id or another", async ({ open }) => {
    const service = serviceOn(await open());
    const good = await trained(service);
    const { run, address, bytes } = good;
    await send(service, run, address, bytes);
    const other = altered(good, () => ({ samples: 12 }));
    const duplicate = { reason: "duplicate" } as const;
    await refuses(() => send(service, run, address, other), "conflict", duplicate);
    const id = "another-update-of-it";
    await refuses(() => send(service, run, address, other, id), "conflict", duplicate);
    await refuses(() => send(service, run, address, bytes, id), "conflict", duplicate);
    // Somebody else's id.
    const { address: others, bytes: theirs } = await train(service, run, 2, manifest);
    await refuses(
      () => send(service, run, others, theirs, updateId(address)),
      "conflict",
      duplicate,
    );
    assert.equal((await runStatus(service, run)).rejectCounts.duplicate, 4);
  });

  store.test("acceptUpdate() takes a nonce once", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, address, bytes } = await trained(service);
    const signed = sign();
    const update = { ...address, update: updateId(address) };
    const attempt = async () =>
      await acceptUpdate(service, run, update, await uploadOf(service, bytes), signed);
    await attempt();
    await refuses(attempt, "replay", { reason: "replay" });
    assert.equal((await runStatus(service, run)).rejectCounts.replay, 1);
  });

  store.test("acceptUpdate() refuses ids of another form, strangers and the withdrawn", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, address, bytes } = await trained(service);
    for (const id of ["short", "a".repeat(65), "../../etc/passwd-long", "sixteen letters!"]) {
      const reason = "malformed";
      await refuses(() => send(service, run, address, bytes, id), "malformed", { reason });
    }
    await refuses(() => send(service, "r-none", address, bytes), "not-found");
    await refuses(() => send(service, run, { ...address, client: 9 }, bytes), "not-found");
    await withdraw(service, run, 1, "admin");
    const reason = "withdrawn";
    await refuses(() => send(service, run, address, bytes), "withdrawn", { reason });
    await refuses(() => openDownload(service, run, address), "withdrawn", { reason });
  });

  store.test("acceptUpdate() of two at once takes one", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, address, bytes } = await trained(service);
    const results = await Promise.all([1, 2, 3].map(() => send(service, run, address, bytes)));
    assert.equal(results.filter(({ repeated }) => !repeated).length, 1);
  });

  store.test("acceptUpdate() leaves nothing of a large upload that it refuses", async ({ open }) => {
    const wide = {
      ...manifest,
      layout: {
        ...manifest.layout,
        modules: [{ name: "wide", inFeatures: 40_000, outFeatures: 30_000 }],
      },
    };
    const service = serviceOn(await open());
    const { run, address, bytes } = await trained(service, wide);
    assert.ok(bytes.length > 512 * 1024);
    const count = async () => {
      const [{ n }] = await service.db.query<{ n: number }>(
        "SELECT COUNT(*) AS n FROM blob_chunks",
      );
      return n;
    };
    const before = await count();
    const broken = bytes.slice();
    broken.fill(0xff, -4); // The last score becomes NaN.
    await refuses(() => send(service, run, address, broken), "update-refused", {
      reason: "scores",
    });
    assert.equal(await count(), before);
    await send(service, run, address, bytes);
    assert.equal(await count(), before + Math.ceil(bytes.length / (256 * 1024)));
    assert.equal((await send(service, run, address, bytes)).repeated, true);
    assert.equal(await count(), before + Math.ceil(bytes.length / (256 * 1024)));
  });

  store.test("acceptUpdate() under client ranking wants no scores", async ({ open }) => {
    const own = { ...manifest, method: { ...manifest.method, rankBy: "client" as const } };
    const service = serviceOn(await open());
    const good = await trained(service, own);
    const scores = manifest.layout.modules.map(() => new Float64Array(4));
    const scored = altered(good, () => ({ scores }));
    const reason = "scores";
    const work = () => send(service, good.run, good.address, scored);
    await refuses(work, "update-refused", { reason });
  });
}
