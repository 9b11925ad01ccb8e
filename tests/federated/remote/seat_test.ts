import assert from "node:assert/strict";
import { invitationUrl, readServerUrl } from "../../../src/federated/remote/invitation_url.ts";
import { keyOf, settleSeat, takeSeat } from "../../../src/federated/remote/seat.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { connectionTo, fetchOf, problem } from "./fake_server.ts";
import { memoryStore } from "./memory_store.ts";

const server = "https://hafl.example";
const invitation = { run: "run", client: 2, token: "secret" };
const nothing = { server: undefined, invitation: undefined };

Deno.test("readServerUrl() reads addresses with and without an invitation", () => {
  assert.deepEqual(readServerUrl(invitationUrl(`${server}/`, invitation)), { server, invitation });
  assert.deepEqual(readServerUrl("http://127.0.0.1:8080/"), {
    server: "http://127.0.0.1:8080",
    invitation: undefined,
  });
  assert.equal(readServerUrl("https://host/hafl/").server, "https://host/hafl");
});

Deno.test("readServerUrl() refuses what is neither, without repeating the secret", () => {
  for (const text of ["host:8080", "ftp://host/", "", "host/#run.1.secret"]) {
    assert.throws(
      () => readServerUrl(text),
      (error: Error) => error instanceof UserError && !error.message.includes("secret"),
    );
  }
  assert.throws(() => readServerUrl("http://host/#run.secret"), /expected #run\.client\.token/);
});

Deno.test("keyOf() makes a key once", async () => {
  const store = memoryStore();
  const key = await keyOf(store);
  assert.equal((await keyOf(store)).keyId, key.keyId);
  assert.notEqual((await keyOf(memoryStore())).keyId, key.keyId);
});

Deno.test("keyOf() names a damaged key", async () => {
  for (const text of ["{", "{}", '{"publicKey":"AAAA","privateKey":"AAAA"}']) {
    const store = memoryStore(new Map([["key.json", new TextEncoder().encode(text)]]));
    await assert.rejects(keyOf(store), /Cannot read "key.json"/);
  }
});

Deno.test("a seat is taken once, and needs no invitation after it", async () => {
  const store = memoryStore();
  const enrolments: string[] = [];
  const key = await keyOf(store);
  const connection = connectionTo(
    key,
    fetchOf(key, ({ body }) => {
      enrolments.push(new TextDecoder().decode(body));
      return Response.json({ client: 2, role: "client" });
    }),
  );
  const settled = await settleSeat(store, { server, invitation }, "state");
  const seat = await takeSeat(connection, store, settled, "Ana");
  assert.deepEqual(seat, { run: "run", client: 2, role: "client" });
  assert.deepEqual(JSON.parse(enrolments[0]), {
    token: "secret",
    name: "Ana",
    publicKey: key.publicKey,
  });

  const again = await settleSeat(store, nothing, "state");
  assert.deepEqual(again, { server, run: "run", client: 2, role: "client" });
  assert.deepEqual(await takeSeat(connection, store, again, "Ana"), seat);
  assert.equal(enrolments.length, 1);
  const text = new TextDecoder().decode(await store.read("seat.json"));
  assert.ok(!text.includes("secret"), "a used secret is not kept");
});

Deno.test("settleSeat() keeps an invitation until it is used", async () => {
  const store = memoryStore();
  await settleSeat(store, { server, invitation }, "state");
  const kept = await settleSeat(store, nothing, "state");
  assert.equal(kept.token, "secret");
});

Deno.test("settleSeat() takes a better invitation for a seat that was never taken", async () => {
  const store = memoryStore();
  await settleSeat(store, { server, invitation }, "state");
  const other = { run: "other", client: 0, token: "better" };
  const settled = await settleSeat(store, { server, invitation: other }, "state");
  assert.deepEqual(settled, { server, ...other });
});

Deno.test("settleSeat() follows a server that moved", async () => {
  const store = memoryStore();
  await store.write(
    "seat.json",
    new TextEncoder().encode(JSON.stringify({ server, run: "run", client: 2, role: "client" })),
  );
  const moved = await settleSeat(store, { ...nothing, server: "http://new" }, "state");
  assert.equal(moved.server, "http://new");
  assert.equal((await settleSeat(store, nothing, "state")).server, "http://new");
});

Deno.test("settleSeat() refuses another run's state, and a start without any invitation", async () => {
  const store = memoryStore();
  await assert.rejects(settleSeat(store, nothing, "state"), /"state" holds none yet/);
  const taken = { server, run: "run", client: 2, role: "client" };
  await store.write("seat.json", new TextEncoder().encode(JSON.stringify(taken)));
  const other = { ...invitation, run: "other" };
  await assert.rejects(
    settleSeat(store, { server, invitation: other }, "state"),
    /Cannot join run other .*"state" belongs to client 2 of run run; use another --state or --name/,
  );
  await assert.rejects(
    settleSeat(store, { server, invitation: { ...invitation, client: 1 } }, "state"),
    /belongs to client 2/,
  );
});

Deno.test("takeSeat() keeps the invitation when the answer is no seat of it", async () => {
  for (const answer of [{}, { client: 3, role: "client" }, "<html>"]) {
    const store = memoryStore();
    const key = await keyOf(store);
    const connection = connectionTo(key, fetchOf(key, () => Response.json(answer)));
    const settled = await settleSeat(store, { server, invitation }, "state");
    await assert.rejects(takeSeat(connection, store, settled, "Ana"), UserError);
    assert.equal((await settleSeat(store, nothing, "state")).token, "secret");
  }
});

Deno.test("takeSeat() leaves a refused invitation to be replaced", async () => {
  const store = memoryStore();
  const key = await keyOf(store);
  const connection = connectionTo(key, fetchOf(key, () => problem("bad-invitation", 403)));
  const settled = await settleSeat(store, { server, invitation }, "state");
  await assert.rejects(takeSeat(connection, store, settled, "Ana"), /Cannot join run run/);
  const better = { ...invitation, token: "better" };
  assert.equal((await settleSeat(store, { server, invitation: better }, "state")).token, "better");
});
