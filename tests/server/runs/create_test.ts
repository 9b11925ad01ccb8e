import assert from "node:assert/strict";
import {
  attachBank,
  auditLog,
  bankOf,
  createRun,
  invite,
  listRuns,
  manifestOf,
  nextTask,
  runStatus,
  stopRun,
} from "../../../server/runs/mod.ts";
import { type AdapterBank, encodeBank } from "../../../src/protocol/mod.ts";
import { tinyBank, tinyManifest } from "../tiny_run.ts";
import { bankBytes, join, refuses, serviceOn, startRun, stores, uploadOf } from "./support.ts";

const manifest = tinyManifest();
const bank = tinyBank(manifest);

for (const store of stores) {
  store.test("createRun() makes a draft, and its bank makes it wait", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await createRun(service, manifest, "admin");
    assert.match(run, /^r[a-z2-7]{16}$/);
    assert.deepEqual(await manifestOf(service, run), manifest);
    assert.equal((await runStatus(service, run)).state, "draft");
    await refuses(() => bankOf(service, run, "latest"), "not-found");
    const bytes = encodeBank(bank);
    await attachBank(service, run, await uploadOf(service, bytes), "admin");
    assert.equal((await runStatus(service, run)).state, "waiting");
    assert.deepEqual(await bankBytes(service, run), bytes);
    const acts = (await auditLog(service, 10)).map(({ actor, act }) => [actor, act]);
    assert.deepEqual(acts, [["admin", "attach-bank"], ["admin", "create"]]);
    await refuses(() => createRun(service, { ...manifest, rounds: 0 }, "admin"), "malformed");
    assert.equal((await listRuns(service)).length, 1);
  });

  store.test("attachBank() takes the bank of the manifest alone, and takes it again", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await createRun(service, manifest, "admin");
    const put = async (bytes: Uint8Array) =>
      await attachBank(service, run, await uploadOf(service, bytes), "admin");
    const [module, ...others] = bank.modules;
    const bad: [RegExp, Partial<AdapterBank>][] = [
      [/rank, modules and head/, { modules: [...others, module] }],
      [/rank, modules and head/, { head: bank.head.slice(1) }],
      [/alpha 8, got 9/, { alpha: 9 }],
      [/finite numbers/, { modules: [{ ...module, a: module.a.map(() => NaN) }, ...others] }],
      [/scores of at least 0/, { scores: bank.scores.map((list) => list.map(() => -1)) }],
      [/0 or 1/, { trained: bank.trained.map((flags) => flags.map(() => 2)) }],
    ];
    for (const [message, change] of bad) {
      await refuses(() => put(encodeBank({ ...bank, ...change })), "malformed", { message });
    }
    await refuses(() => put(new Uint8Array(50)), "malformed");
    const good = encodeBank(bank);
    // The same tensors with more metadata: another file, the same bank.
    const spaced = new TextDecoder("latin1").decode(good).replace('"format"', '"a":"","format"');
    const length = good.length + 8;
    const longer = Uint8Array.from(spaced, (c) => c.charCodeAt(0)).slice(0, length);
    new DataView(longer.buffer).setBigUint64(
      0,
      new DataView(good.buffer).getBigUint64(0, true) + 7n,
      true,
    );
    await refuses(() => put(longer), "malformed");
    await put(good);
    await put(good);
    const moved = bank.head.map((tensor) => ({ ...tensor, data: tensor.data.map((x) => x + 1) }));
    await refuses(() => put(encodeBank({ ...bank, head: moved })), "conflict");
    assert.deepEqual(await bankBytes(service, run), good);
    await refuses(
      async () => await attachBank(service, "r-none", await uploadOf(service, good), "admin"),
      "not-found",
    );
  });

  store.test("attachBank() comes too late for a run that was stopped", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await createRun(service, manifest, "admin");
    await stopRun(service, run, "admin");
    const upload = await uploadOf(service, encodeBank(bank));
    await refuses(() => attachBank(service, run, upload, "admin"), "run-over");
  });

  store.test("attachBank() starts a run whose clients are there already", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await createRun(service, manifest, "admin");
    for (const invitation of await invite(service, run, "admin")) {
      await join(service, run, invitation);
    }
    assert.deepEqual(await nextTask(service, run, 0), { kind: "wait", reason: "clients" });
    await attachBank(service, run, await uploadOf(service, encodeBank(bank)), "admin");
    assert.equal((await nextTask(service, run, 0)).kind, "train");
  });

  store.test("listRuns() tells of all runs, the newest first", async ({ open }) => {
    const service = serviceOn(await open());
    const { run: first } = await startRun(service, tinyManifest({ name: "first" }));
    service.clock.now += 1;
    const second = await createRun(service, tinyManifest({ name: "second" }), "admin");
    assert.deepEqual(await listRuns(service), [
      {
        run: second,
        name: "second",
        state: "draft",
        roundsDone: 0,
        rounds: 3,
        createdAt: 1_000_001,
      },
      {
        run: first,
        name: "first",
        state: "waiting",
        roundsDone: 0,
        rounds: 3,
        createdAt: 1_000_000,
      },
    ]);
    await refuses(() => runStatus(service, "r-none"), "not-found");
    await refuses(() => manifestOf(service, "r-none"), "not-found");
  });
}
