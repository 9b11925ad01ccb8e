import assert from "node:assert/strict";
import {
  fetchManifest,
  fetchModelFile,
  nextTask,
  putProgress,
  putUpdate,
} from "../../../src/federated/remote/api.ts";
import { createKey, openKey } from "../../../src/federated/remote/client_key.ts";
import { RemoteProblem } from "../../../src/federated/remote/remote_problem.ts";
import { type Arrived, connectionTo, fetchOf, NOW, problem } from "./fake_server.ts";

const key = await openKey(await createKey());
const address = { run: "run", round: 2, attempt: 1, client: 3 };

/** A connection whose server gives these answers in turn; an Error cuts the connection. */
function scripted(answers: readonly (Response | Error)[], changes = {}) {
  const arrived: Arrived[] = [];
  const fetch = fetchOf(key, (request) => {
    const answer = answers[arrived.length];
    arrived.push(request);
    if (answer === undefined) throw new Error("the script has ended");
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { connection: connectionTo(key, fetch, changes), arrived };
}

const accepted = () => Response.json({ update: "u".repeat(22), repeated: false });

Deno.test("send() tries again after a cut connection, with a new nonce, the same id and the same bytes", async () => {
  const { connection, arrived } = scripted([
    new TypeError("sending failed", { cause: new Error("connection refused") }),
    new Response("", { status: 502 }),
    accepted(),
  ]);
  const body = new TextEncoder().encode("an update");
  await putUpdate(connection, address, "u".repeat(22), body);
  assert.equal(arrived.length, 3);
  assert.equal(new Set(arrived.map(({ nonce }) => nonce)).size, 3);
  assert.equal(new Set(arrived.map(({ route }) => route)).size, 1);
  assert.equal(new Set(arrived.map(({ body }) => body.toHex())).size, 1);
  assert.match(
    arrived[0].route,
    /^\/v1\/runs\/run\/rounds\/2\/updates\/u{22}\?attempt=1&client=3$/,
  );
});

Deno.test("send() backs off, and tells of an outage once and of its end once", async () => {
  const cut = () => new TypeError("sending failed", { cause: new Error("connection refused") });
  const { connection } = scripted([cut(), cut(), cut(), cut(), cut(), Response.json({})]);
  await fetchManifest(connection, "run");
  assert.deepEqual(connection.slept, [500, 1000, 2000, 4000, 4000]);
  assert.deepEqual(connection.reach, ["connection refused", undefined]);
});

Deno.test("send() says what is wrong with the network, not which address was asked", async () => {
  const { connection } = scripted([
    new TypeError(
      "error sending request for url (http://h/v1/x?y): client error (Connect): tcp connect error: Connection refused (os error 111)",
    ),
    Response.json({}),
  ]);
  await fetchManifest(connection, "run");
  assert.equal(connection.reach[0], "tcp connect error: Connection refused (os error 111)");
});

Deno.test("send() honours Retry-After, as seconds and as a date", async () => {
  const later = new Date(NOW + 90_000).toUTCString();
  const { connection } = scripted([
    problem("rate-limited", 429, {}, { "retry-after": "7" }),
    problem("busy", 503, {}, { "retry-after": later }),
    Response.json({}),
  ]);
  await fetchManifest(connection, "run");
  assert.deepEqual(connection.slept, [7000 + 500, 90_000 + 1000]);
  assert.deepEqual(connection.reach, [], "a server that answers is reached");
});

Deno.test("send() takes every no for a no", async () => {
  const refusals = [
    ["malformed", 400],
    ["bad-signature", 401],
    ["withdrawn", 403],
    ["not-found", 404],
    ["round-closed", 409],
    ["too-large", 413],
    ["update-refused", 422],
  ] as const;
  for (const [code, status] of refusals) {
    const { connection, arrived } = scripted([problem(code, status, { reason: "norm" })]);
    const error = await fetchManifest(connection, "run").catch((error) => error);
    assert.ok(error instanceof RemoteProblem, code);
    assert.deepEqual([error.code, error.status, error.reason], [code, status, "norm"]);
    assert.equal(error.message, `Cannot read the manifest of run run: it says ${code}`);
    assert.equal(arrived.length, 1);
  }
});

Deno.test("send() signs anew when something in between sent a request twice", async () => {
  const { connection, arrived } = scripted([problem("replay", 409), accepted()]);
  await putUpdate(connection, address, "u".repeat(22), new Uint8Array(3));
  assert.equal(arrived.length, 2);
});

Deno.test("send() says by how much the clock is off", async () => {
  const serverTime = NOW + 2 * 3600_000 + 65_000;
  const { connection } = scripted([problem("clock-skew", 401, { serverTime })]);
  await assert.rejects(
    fetchManifest(connection, "run"),
    /this machine's clock is 2 h 1 min behind the server's, and at most 5 min are allowed/,
  );
  const { connection: ahead } = scripted([
    problem("clock-skew", 401, { serverTime: NOW - 301_000 }),
  ]);
  await assert.rejects(fetchManifest(ahead, "run"), /clock is 5 min 1 s ahead of the server's/);
});

Deno.test("send() signs anew when the machine has slept between signing and sending", async () => {
  const answers = [problem("clock-skew", 401, { serverTime: NOW + 1000 }), Response.json({})];
  const { connection, arrived } = scripted(answers);
  await fetchManifest(connection, "run");
  assert.equal(arrived.length, 2);
});

Deno.test("send() does not take a web page for a HAFL server", async () => {
  const page = () => new Response("<html>", { headers: { "content-type": "text/html" } });
  await assert.rejects(fetchManifest(scripted([page()]).connection, "run"), /expected JSON/);
  const missing = scripted([new Response("<html>", { status: 404 })]);
  await assert.rejects(
    fetchManifest(missing.connection, "run"),
    /answered 404 without saying why; is it a HAFL server\?/,
  );
});

Deno.test("putProgress() fails at the first cut, and is not tried again", async () => {
  const { connection, arrived } = scripted([new TypeError("cut")]);
  const progress = { round: 0, attempt: 0, step: 1, steps: 2 };
  await assert.rejects(putProgress(connection, "run", 0, progress), /cut/);
  assert.equal(arrived.length, 1);
  assert.deepEqual(connection.slept, []);
});

Deno.test("send() counts a connection on which nothing moves as cut", async () => {
  let tries = 0;
  const silent = (_: string, { signal }: RequestInit): Promise<Response> => {
    if (++tries === 2) return Promise.resolve(Response.json({ kind: "wait", reason: "round" }));
    return new Promise((_, reject) => {
      signal!.addEventListener("abort", () => reject(signal!.reason));
    });
  };
  const connection = connectionTo(key, silent, { stall: 0 });
  const task = await nextTask(connection, "run", 0, 0);
  assert.equal(task.kind, "wait");
  assert.deepEqual(connection.reach, ["it has not answered for 0 s", undefined]);
});

Deno.test("send() ends with the signal's reason, under way and asleep", async () => {
  const controller = new AbortController();
  const { connection } = scripted([new TypeError("cut")], {
    signal: controller.signal,
    sleep: () => {
      controller.abort(new Error("Ctrl-C"));
      return Promise.reject(controller.signal.reason);
    },
  });
  await assert.rejects(fetchManifest(connection, "run"), /Ctrl-C/);
  await assert.rejects(fetchManifest(connection, "run"), /Ctrl-C/);
});

Deno.test("fetchModelFile() streams, starts again after a cut, and lets the taker's own faults through", async () => {
  const cut = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array([1, 2]));
      controller.error(new TypeError("cut"));
    },
  });
  const { connection, arrived } = scripted([
    new Response(cut),
    new Response(new Uint8Array([1, 2, 3])),
    new Response(new Uint8Array([1, 2, 3])),
  ]);
  let taken = "";
  await fetchModelFile(connection, "hash", "onnx/model #1.onnx", async (body) => {
    taken = "";
    for await (const chunk of body) taken += chunk.toHex();
  });
  assert.equal(taken, "010203");
  assert.equal(arrived.length, 2);
  assert.equal(arrived[0].route, "/v1/models/hash/files/onnx/model%20%231.onnx");
  const full = fetchModelFile(
    connection,
    "hash",
    "x",
    () => Promise.reject(new Error("disk full")),
  );
  await assert.rejects(full, /disk full/);
});
