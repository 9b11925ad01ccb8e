import assert from "node:assert/strict";
import {
  auditLog,
  createRun,
  enrol,
  invite,
  keyHolder,
  runStatus,
  type Service,
  stopRun,
  withdraw,
} from "../../../server/runs/mod.ts";
import { type Invitation } from "../../../src/protocol/mod.ts";
import { tinyManifest } from "../tiny_run.ts";
import { newKey, refuses, serviceOn, sign, stores } from "./support.ts";

const manifest = tinyManifest();

async function invited(service: Service): Promise<{ run: string; invitations: Invitation[] }> {
  const run = await createRun(service, manifest, "admin");
  return { run, invitations: await invite(service, run, "admin") };
}

for (const store of stores) {
  store.test("invite() gives each seat a secret that is stored as a hash only", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, invitations } = await invited(service);
    assert.deepEqual(
      invitations.map(({ client, role }) => [client, role]),
      [[0, "client"], [1, "client"], [2, "client"]],
    );
    for (const { token } of invitations) assert.match(token, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(new Set(invitations.map(({ token }) => token)).size, 3);
    const stored = JSON.stringify([
      await service.db.query("SELECT * FROM seats"),
      await auditLog(service, 100),
      await runStatus(service, run),
    ]);
    assert.ok(invitations.every(({ token }) => !stored.includes(token)));
  });

  store.test("enrol() takes up an invitation once, and again with the same key", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, invitations } = await invited(service);
    const { token } = invitations[1];
    const key = await newKey();
    const enrolment = { token, name: " Anna's\u0000laptop\n", publicKey: key.publicKey };
    const expected = { client: 1, role: "client" };
    assert.deepEqual(await enrol(service, run, enrolment, sign(key.keyId)), expected);
    assert.deepEqual(await enrol(service, run, enrolment, sign(key.keyId)), expected);
    const { seats } = await runStatus(service, run);
    assert.equal(seats[1].name, "Anna's laptop");
    assert.equal(seats[1].state, "enrolled");
    assert.deepEqual(await keyHolder(service, key.keyId), {
      run,
      client: 1,
      role: "client",
      state: "enrolled",
      publicKey: key.publicKey,
    });
    assert.equal(await keyHolder(service, "ff"), undefined);

    const other = await newKey();
    const theirs = { ...enrolment, publicKey: other.publicKey };
    await refuses(() => enrol(service, run, theirs, sign(other.keyId)), "bad-invitation");
    const wrong = { ...theirs, token: "A".repeat(43) };
    await refuses(() => enrol(service, run, wrong, sign(other.keyId)), "bad-invitation");
    await refuses(() => enrol(service, "r-none", theirs, sign(other.keyId)), "not-found");
  });

  store.test("enrol() wants the key that signed, without another seat, and a fresh nonce", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, invitations } = await invited(service);
    const [key, other] = [await newKey(), await newKey()];
    const enrolment = { ...invitations[0], name: "a", publicKey: key.publicKey };
    await refuses(() => enrol(service, run, enrolment, sign(other.keyId)), "malformed");
    const short = { ...enrolment, publicKey: "AAAA" };
    await refuses(() => enrol(service, run, short, sign(key.keyId)), "malformed");
    const nameless = { ...enrolment, name: " \n" };
    await refuses(() => enrol(service, run, nameless, sign(key.keyId)), "malformed");
    const signed = sign(key.keyId);
    await enrol(service, run, enrolment, signed);
    await refuses(() => enrol(service, run, enrolment, signed), "replay", { reason: "replay" });
    const second = { ...enrolment, token: invitations[1].token };
    await refuses(() => enrol(service, run, second, sign(key.keyId)), "conflict");
  });

  store.test("invite() voids an earlier invitation that nobody used, and leaves taken seats", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, invitations } = await invited(service);
    const key = await newKey();
    const enrolment = { ...invitations[0], name: "a", publicKey: key.publicKey };
    await enrol(service, run, enrolment, sign(key.keyId));
    const again = await invite(service, run, "admin");
    assert.deepEqual(again.map(({ client }) => client), [1, 2]);
    const other = await newKey();
    const late = { token: invitations[1].token, name: "b", publicKey: other.publicKey };
    await refuses(() => enrol(service, run, late, sign(other.keyId)), "bad-invitation");
    const fresh = { ...late, token: again[0].token };
    assert.equal((await enrol(service, run, fresh, sign(other.keyId))).client, 1);
    await refuses(() => invite(service, run, "admin", [{ role: "client", client: 0 }]), "conflict");
  });

  store.test("invite() for single seats takes the first free one, evaluators above all clients", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await createRun(service, manifest, "admin");
    const ask = async (...seats: { role: "client" | "evaluator"; client?: number }[]) =>
      (await invite(service, run, "admin", seats)).map(({ client, role }) => `${role} ${client}`);
    assert.deepEqual(await ask({ role: "client" }, { role: "evaluator" }), [
      "client 0",
      "evaluator 3",
    ]);
    assert.deepEqual(await ask({ role: "evaluator" }, { role: "evaluator" }, { role: "client" }), [
      "evaluator 4",
      "evaluator 5",
      "client 1",
    ]);
    assert.deepEqual(await ask({ role: "evaluator", client: 4 }, { role: "client", client: 2 }), [
      "evaluator 4",
      "client 2",
    ]);
    const refused = [
      [{ role: "client" }], // all three are invited
      [{ role: "client", client: 3 }],
      [{ role: "evaluator", client: 0 }],
      [{ role: "evaluator", client: 9 }],
      [{ role: "client", client: 1 }, { role: "client", client: 1 }],
    ] as const;
    for (const seats of refused) await refuses(() => ask(...seats), "conflict");
    const { seats } = await runStatus(service, run);
    assert.deepEqual(seats.map(({ client }) => client), [0, 1, 2, 3, 4, 5]);
  });

  store.test("enrol() and invite() end with the run, and with a withdrawal", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, invitations } = await invited(service);
    const key = await newKey();
    await withdraw(service, run, 0, "admin");
    const gone = { ...invitations[0], name: "a", publicKey: key.publicKey };
    await refuses(() => enrol(service, run, gone, sign(key.keyId)), "withdrawn");
    await refuses(() => invite(service, run, "admin", [{ role: "client", client: 0 }]), "conflict");
    await stopRun(service, run, "admin");
    const late = { ...gone, token: invitations[1].token };
    await refuses(() => enrol(service, run, late, sign(key.keyId)), "run-over");
    await refuses(() => invite(service, run, "admin"), "run-over");
  });
}
