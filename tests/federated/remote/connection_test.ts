import assert from "node:assert/strict";
import {
  enrol,
  fetchBank,
  fetchDownload,
  fetchManifest,
  fetchModelFile,
  listModelFiles,
  nextTask,
  probe,
  putChoice,
  putProgress,
  putUpdate,
  setBudget,
} from "../../../src/federated/remote/api.ts";
import { createKey, openKey } from "../../../src/federated/remote/client_key.ts";
import type { Connection } from "../../../src/federated/remote/connection.ts";
import { RemoteProblem } from "../../../src/federated/remote/remote_problem.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { largestBody } from "../../../src/protocol/layout_size.ts";
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

Deno.test("send() waits for an hour at most, whatever the server asks for", async () => {
  const never = new Date(NOW + 1e12).toUTCString();
  const { connection } = scripted([
    problem("busy", 503, {}, { "retry-after": "999999999999" }),
    problem("busy", 503, {}, { "retry-after": never }),
    problem("busy", 503, {}, { "retry-after": "soon" }),
    Response.json({}),
  ], { random: () => 0 });
  await fetchManifest(connection, "run");
  assert.deepEqual(connection.slept, [3600_000, 3600_000, 0]);
});

Deno.test("send() follows nobody to another address, and says so", async () => {
  const { connection, arrived } = scripted([
    new Response(null, { status: 308, headers: { location: "https://elsewhere.example/v1/x?y" } }),
    new Response("<html>", { status: 302, headers: { location: "//[" } }),
    Response.json({}),
  ]);
  await fetchManifest(connection, "run");
  assert.equal(arrived.length, 3);
  assert.deepEqual(connection.reach, [
    "it points to https://elsewhere.example; give that address, if it is the server's",
    undefined,
  ]);
});

/** A body without an end, that counts what was taken of it. */
function endless(): { readonly body: ReadableStream<Uint8Array>; taken: number; ended: boolean } {
  const source = {
    taken: 0,
    ended: false,
    body: new ReadableStream<Uint8Array>({
      pull(controller) {
        source.taken += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
      cancel: () => void (source.ended = true),
    }),
  };
  return source;
}

Deno.test("send() reads no more of an answer than it can have", async () => {
  const layout = {
    rank: 8,
    modules: [{ name: "q_proj", inFeatures: 3000, outFeatures: 3000 }],
    head: [],
  };
  const most = largestBody(layout);
  const reads: [most: number, read: (connection: Connection) => Promise<unknown>][] = [
    [2 ** 24, (connection) => fetchManifest(connection, "run")],
    [2 ** 24, (connection) => listModelFiles(connection, "hash")],
    [most, (connection) => fetchBank(connection, "run", "latest", layout)],
    [most, (connection) => fetchDownload(connection, address, layout)],
    [65_536, (connection) => nextTask(connection, "run", 0, 0)],
    [65_536, (connection) => putUpdate(connection, address, "u".repeat(22), new Uint8Array(1))],
  ];
  for (const [bytes, read] of reads) {
    const source = endless();
    const { connection, arrived } = scripted([new Response(source.body)]);
    await assert.rejects(read(connection), (error: Error) => {
      assert.ok(error instanceof UserError, error.stack);
      assert.match(error.message, /^Cannot .*: expected at most \d+ bytes, got more from http:/);
      return true;
    });
    assert.ok(source.taken <= bytes + 3 * 65_536, `${source.taken} of ${bytes}`);
    assert.ok(source.ended);
    assert.equal(arrived.length, 1, "it is not tried again");
  }
});

Deno.test("send() reads no more of a problem than a problem can have", async () => {
  const source = endless();
  const headers = { "content-type": "application/problem+json" };
  const { connection } = scripted([new Response(source.body, { status: 404, headers })]);
  await assert.rejects(fetchManifest(connection, "run"), /answered 404 without saying why/);
  assert.ok(source.taken < 400_000 && source.ended);
  const wordy = scripted([problem("conflict", 409, { detail: "x".repeat(50_000) })]);
  const error = await fetchManifest(wordy.connection, "run").catch((error) => error);
  assert.ok(error instanceof RemoteProblem && error.detail.length === 1000);
});

Deno.test("a document that is none is refused by what was expected of it", async () => {
  const refused = async (
    answers: readonly unknown[],
    read: (connection: Connection) => Promise<unknown>,
    expected: RegExp,
  ) => {
    for (const answer of answers) {
      const { connection } = scripted([Response.json(answer)]);
      await assert.rejects(read(connection), (error: Error) => {
        assert.ok(error instanceof UserError, error.stack);
        assert.match(error.message, /^Cannot understand http:\/\/server\.example: expected /);
        assert.match(error.message, expected, JSON.stringify(answer));
        return true;
      });
    }
  };
  const round = { round: 0, attempt: 0, rank: 2, deadline: NOW };
  const tasks = [
    null,
    {},
    { kind: "dance" },
    { kind: "wait" },
    { ...round, kind: "train", round: "../../x" },
    { ...round, kind: "choose", rank: 1e9 },
    { ...round, kind: "train", attempt: -1 },
    { kind: "finished", rounds: 0.5 },
  ];
  await refused(tasks, (connection) => nextTask(connection, "run", 0, 0), /expected a task, got /);
  const seats = [[], { client: "0", role: "client" }, { client: 0, role: "admin" }];
  const enrolment = { token: "t", name: "n", publicKey: "k" };
  await refused(seats, (connection) => enrol(connection, "run", enrolment), /expected a seat/);
  await refused(
    [{}, { rank: -1 }, { rank: 1e9 }],
    (connection) => setBudget(connection, "run", 0, { samples: 1 }),
    /expected a rank/,
  );
  await refused(
    [{}, { update: "another", repeated: false }],
    (connection) => putUpdate(connection, address, "u".repeat(22), new Uint8Array(1)),
    /expected a receipt of/,
  );
  await refused(
    [{}, [null], [{ path: 1, size: 2 }], [{ path: "a", size: -1 }]],
    (connection) => listModelFiles(connection, "hash"),
    /expected a list of files/,
  );
  await refused([{}], (connection) => probe(connection, new Uint8Array(1)), /expected no content/);
  const choice = new Uint8Array(1);
  await refused(
    [{}],
    (connection) => putChoice(connection, address, choice),
    /expected no content/,
  );
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

Deno.test("send() tries again when a proxy asks for patience", async () => {
  const page = (status: number) =>
    new Response("<h1>Slow down</h1>", { status, headers: { "retry-after": "7" } });
  const { connection, arrived } = scripted([page(429), page(408), problem("withdrawn", 403)]);
  await assert.rejects(fetchManifest(connection, "run"), /it says withdrawn/);
  assert.equal(arrived.length, 3);
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

Deno.test("send() ends with the signal's reason while the server thinks", async () => {
  const controller = new AbortController();
  const silent = (_: string, { signal }: RequestInit): Promise<Response> => {
    queueMicrotask(() => controller.abort(new Error("Ctrl-C")));
    return new Promise((_, reject) => {
      signal!.addEventListener("abort", () => reject(signal!.reason));
    });
  };
  const connection = connectionTo(key, silent, { signal: controller.signal });
  await assert.rejects(nextTask(connection, "run", 0, 25), /Ctrl-C/);
  assert.deepEqual(connection.reach, [], "an end is no outage");
});

Deno.test("send() ends with the signal's reason while it signs", async () => {
  const controller = new AbortController();
  const aborted: boolean[] = [];
  const connection = connectionTo(key, (_, { signal }) => {
    aborted.push(signal!.aborted);
    return Promise.reject(signal!.reason ?? new Error("the script has ended"));
  }, {
    signal: controller.signal,
    now() {
      controller.abort(new Error("Ctrl-C")); // asked for the signature's time
      return NOW;
    },
  });
  await assert.rejects(nextTask(connection, "run", 0, 25), /Ctrl-C/);
  assert.deepEqual(aborted, [true], "nobody waits for the answer");
});

Deno.test("send() ends with the signal's reason, asleep and before it begins", async () => {
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
  const source = endless();
  const { connection: other } = scripted([new Response(source.body)]);
  const refuse = () => Promise.reject(new Error("disk full"));
  await assert.rejects(fetchModelFile(other, "hash", "x", refuse), /disk full/);
  assert.ok(source.ended, "the connection is not left open");
});
