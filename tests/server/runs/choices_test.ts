import assert from "node:assert/strict";
import { nextTask, openDownload, putChoice, runStatus, tick } from "../../../server/runs/mod.ts";
import {
  decodeSafetensors,
  encodeChoice,
  encodeSafetensors,
  type RunManifest,
} from "../../../src/protocol/mod.ts";
import { tinyManifest } from "../tiny_run.ts";
import { joinedRun, refuses, serviceOn, sign, stores, takePart } from "./support.ts";

const base = tinyManifest();

/** Clients rank after one round of warm-up; client 1 has rank 2. */
const manifest: RunManifest = { ...base, method: { ...base.method, rankBy: "client" } };

const address = { round: 1, attempt: 0, client: 1 };

function choice(
  run: string,
  lists: readonly (readonly number[])[],
  { round, client }: { round: number; client: number } = address,
): Uint8Array {
  const indices = lists.map((list) => new Uint32Array(list));
  return encodeChoice(manifest.layout, indices, { run, round, client }).bytes;
}

for (const store of stores) {
  store.test("a client that ranks chooses, then trains what it chose", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    assert.equal((await nextTask(service, run, 1)).kind, "train", "the warm-up is dealt");
    const early = { ...address, round: 0 };
    const reason = "budget";
    await refuses(
      () => putChoice(service, run, early, choice(run, [[0, 1], [0, 1]], early), sign()),
      "conflict",
      { reason },
    );
    for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
    await tick(service);

    assert.equal((await nextTask(service, run, 1)).kind, "choose");
    await refuses(() => openDownload(service, run, address), "conflict");
    const put = (bytes: Uint8Array) => putChoice(service, run, address, bytes, sign());
    await refuses(() => put(choice(run, [[0, 1], [0, 1, 2]])), "update-refused", { reason });
    await refuses(() => put(choice(run, [[1], [0, 1, 2]])), "update-refused", { reason });
    const malformed = { reason: "malformed" } as const;
    await refuses(() => put(choice(run, [[0, 4], [0, 1]])), "update-refused", malformed);
    await refuses(() => put(new Uint8Array(9)), "update-refused", malformed);
    await refuses(() => put(choice("r2", [[0, 3], [1, 2]])), "update-refused", malformed);
    const others = choice(run, [[0, 3], [1, 2]], { round: 1, client: 2 });
    await refuses(() => put(others), "update-refused", malformed);
    assert.equal((await nextTask(service, run, 1)).kind, "choose");

    await put(choice(run, [[0, 3], [1, 2]]));
    await put(choice(run, [[0, 3], [1, 2]]));
    await refuses(() => put(choice(run, [[0, 1], [1, 2]])), "conflict", { reason: "duplicate" });
    assert.equal((await nextTask(service, run, 1)).kind, "train");
    await takePart(service, run, 1, manifest);
    for (const client of [0, 2]) await takePart(service, run, client, manifest);
    await tick(service);
    const { published, rejectCounts } = await runStatus(service, run);
    assert.equal(published[2].contributors.length, 3);
    assert.deepEqual(rejectCounts, { budget: 3, duplicate: 1, malformed: 4 });
    const chosen = published[2].selected.map((counts) => counts.reduce((x, y) => x + y));
    assert.deepEqual(chosen, [6, 6]);
    // The choices are overhead of what went up.
    const { upBytes } = published[2];
    assert.equal(upBytes.total, upBytes.lora + upBytes.head + upBytes.overhead);
    assert.ok(upBytes.overhead - published[1].upBytes.overhead > 3 * 100);
  });

  store.test("putChoice() stores the choice and nothing that rides along", async ({ open }) => {
    const service = serviceOn(await open());
    const own: RunManifest = { ...manifest, method: { ...manifest.method, warmupRounds: 0 } };
    const run = await joinedRun(service, own);
    const first = { ...address, round: 0 };
    const plain = choice(run, [[0, 1], [2, 3]], first);
    const { tensors, metadata } = decodeSafetensors(plain);
    const padded = encodeSafetensors(
      [...tensors].map(([name, { shape, bytes }]) => {
        return { name, shape, data: new Uint32Array(new Uint8Array(bytes).buffer) };
      }),
      { ...metadata, padding: "x".repeat(1000) },
    );
    assert.ok(padded.length > 1000);
    await putChoice(service, run, first, padded, sign());
    assert.deepEqual(await service.db.query("SELECT body FROM choices"), [{ body: plain }]);
    await putChoice(service, run, first, plain, sign());
  });

  store.test("putChoice() goes by the round: closed, not sampled, nonce", async ({ open }) => {
    const service = serviceOn(await open());
    const own: RunManifest = { ...manifest, method: { ...manifest.method, warmupRounds: 0 } };
    const run = await joinedRun(service, own);
    const first = { ...address, round: 0 };
    const bytes = choice(run, [[0, 1], [2, 3]], first);
    const signed = sign();
    await putChoice(service, run, first, bytes, signed);
    await refuses(() => putChoice(service, run, first, bytes, signed), "replay", {
      reason: "replay",
    });
    service.clock.now += 600_000;
    await refuses(() => putChoice(service, run, first, bytes, sign()), "round-closed", {
      reason: "round-closed",
    });
    // A new attempt starts without choices.
    await tick(service);
    const task = await nextTask(service, run, 1);
    assert.ok(task.kind === "choose" && task.attempt === 1);
  });
}
