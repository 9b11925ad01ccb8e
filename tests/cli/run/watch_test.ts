import assert from "node:assert/strict";
import type { AdminServer } from "../../../src/cli/run/admin_server.ts";
import { watchRun } from "../../../src/cli/run/watch.ts";
import {
  changeLines,
  frame,
  lineView,
  liveView,
  type WatchView,
} from "../../../src/cli/run/watch_view.ts";
import type { Sleep } from "../../../src/federated/remote/retry.ts";
import type { RunStatus } from "../../../src/protocol/http/documents.ts";
import { now, round, sample, score, seat } from "./sample_status.ts";
import { problem } from "./stub_server.ts";

const finished: RunStatus = {
  ...sample,
  state: "finished",
  roundsDone: 3,
  current: null,
  published: [...sample.published, round(3, score(0.8))],
};

/** A server whose event streams are these, one a connection; a function throws or answers itself. */
function serverOf(streams: readonly (readonly RunStatus[] | (() => Response))[]) {
  const asked: string[] = [];
  const admin: AdminServer = {
    server: "http://127.0.0.1:8080",
    token: "secret",
    tokenSource: "a test",
    fetch: (url) => {
      const stream = streams[asked.length];
      asked.push(url);
      if (stream === undefined) return Promise.reject(new TypeError("refused"));
      if (typeof stream === "function") return Promise.resolve().then(stream);
      const text = stream.map((status) => `event: status\ndata: ${JSON.stringify(status)}\n\n`);
      return Promise.resolve(new Response(text.join("")));
    },
  };
  return { admin, asked };
}

function recorded(): WatchView & { readonly shown: RunStatus[]; readonly troubles: string[] } {
  const shown: RunStatus[] = [];
  const troubles: string[] = [];
  return {
    shown,
    troubles,
    show: (status) => shown.push(status),
    lost: (reason) => troubles.push(reason),
    close() {},
  };
}

const noSleep: Sleep = () => Promise.resolve();
/** Ends only when it is aborted. */
const forever: Sleep = (_, signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

Deno.test("watchRun() shows every change until the run is finished and scored", async () => {
  const { admin, asked } = serverOf([[sample, finished, sample]]);
  const view = recorded();
  await watchRun(admin, "rabc", view, forever);
  assert.deepEqual(view.shown, [sample, finished]);
  assert.deepEqual(asked, ["http://127.0.0.1:8080/v1/runs/rabc/events"]);
});

Deno.test("watchRun() waits a little for the last score, and no longer", async () => {
  const unscored = { ...finished, published: [...sample.published, round(3, null)] };
  const { admin } = serverOf([[unscored, finished]]);
  const view = recorded();
  await watchRun(admin, "rabc", view, forever);
  assert.deepEqual(view.shown, [unscored, finished]);

  let opened = 0;
  const silent = () => {
    opened++;
    const event = new TextEncoder().encode(`event: status\ndata: ${JSON.stringify(unscored)}\n\n`);
    return new Response(
      new ReadableStream({ start: (controller) => controller.enqueue(event) }),
    );
  };
  const again = recorded();
  const { admin: quiet } = serverOf([silent]);
  const aborting: AdminServer = {
    ...quiet,
    fetch: async (url, init) => {
      const response = await quiet.fetch(url, init);
      const { readable, writable } = new TransformStream();
      response.body!.pipeTo(writable, { signal: init.signal! }).catch(() => {});
      return new Response(readable);
    },
  };
  await watchRun(aborting, "rabc", again, noSleep);
  assert.equal(opened, 1);
  assert.deepEqual(again.shown, [unscored]);
});

Deno.test("watchRun() leaves no timer behind that the process would wait for", async () => {
  const unscored = { ...finished, published: [...sample.published, round(3, null)] };
  const { admin } = serverOf([[unscored, finished]]);
  let pending = 0;
  const counted: Sleep = (milliseconds, signal) => {
    pending++;
    return forever(milliseconds, signal).finally(() => pending--);
  };
  await watchRun(admin, "rabc", recorded(), counted);
  await Promise.resolve(); // the abort's own microtasks
  assert.equal(pending, 0);
});

Deno.test("watchRun() outlasts a server that restarts", async () => {
  const refusing = () => {
    throw new TypeError("error sending request", { cause: new Error("connection refused") });
  };
  const draining = () => problem(503, "busy", "The server is shutting down");
  const { admin, asked } = serverOf([[sample], refusing, draining, [finished]]);
  const view = recorded();
  await watchRun(admin, "rabc", view, noSleep);
  assert.deepEqual(view.shown, [sample, finished]);
  assert.equal(asked.length, 4);
  assert.deepEqual(
    new Set(view.troubles),
    new Set([
      "The server at http://127.0.0.1:8080 cannot be reached; trying again",
    ]),
  );
});

Deno.test("watchRun() gives up on a server that was never there, is gone, or refuses", async () => {
  await assert.rejects(watchRun(serverOf([]).admin, "rabc", recorded(), noSleep), {
    name: "UnreachableError",
    message: "Cannot reach the server at http://127.0.0.1:8080: refused; start it (deno task " +
      "server), or name another with --server",
  });
  const gone = serverOf([[sample]]);
  await assert.rejects(watchRun(gone.admin, "rabc", recorded(), noSleep), /^UnreachableError/);
  assert.ok(gone.asked.length > 3, "it was tried again");
  const unknown = serverOf([() => problem(404, "not-found", 'Cannot find run "rabc"')]);
  await assert.rejects(watchRun(unknown.admin, "rabc", recorded(), noSleep), {
    name: "RefusedError",
    message: 'Cannot find run "rabc"',
  });
  assert.equal(unknown.asked.length, 1);
});

Deno.test("watchRun() gives up on a server that answers without an event, at first or after some", async () => {
  const message =
    "Cannot use http://127.0.0.1:8080: expected events, got none; is it a HAFL server?";
  const page = () => new Response("<h1>Welcome</h1>");
  const other = serverOf([page]);
  await assert.rejects(watchRun(other.admin, "rabc", recorded(), noSleep), { message });
  assert.equal(other.asked.length, 1);
  const replaced = serverOf([[sample], ...Array(20).fill(page)]);
  await assert.rejects(watchRun(replaced.admin, "rabc", recorded(), noSleep), { message });
  assert.ok(replaced.asked.length > 3, "it was tried again");
});

Deno.test("watchRun() ends when the run is stopped", async () => {
  const stopped: RunStatus = { ...sample, state: "stopped" };
  const view = recorded();
  await watchRun(serverOf([[stopped, sample]]).admin, "rabc", view, forever);
  assert.deepEqual(view.shown, [stopped]);
});

Deno.test("changeLines() tells a round when it is published, and once more when all have scored it", () => {
  assert.equal(changeLines(undefined, sample)[0], 'Run      rabc "news", running');
  assert.deepEqual(changeLines(sample, sample), []);
  const published = { ...sample, published: [...sample.published, round(3, null)] };
  assert.deepEqual(changeLines(sample, published), [
    // Round 2 had the score of one client of two; nobody scores it any more.
    "round 2/5  75.0 % accuracy, loss 1.500 on 100 rows of 1 client",
    "round 3/5  2 updates in 8.0 s, 1.23 kB up, 1.23 kB down",
  ]);
  const half = { ...published, published: [...sample.published, round(3, score(0.8, 1))] };
  assert.deepEqual(changeLines(published, half), []);
  const scored = { ...half, published: finished.published };
  assert.deepEqual(changeLines(half, scored), [
    "round 3/5  80.0 % accuracy, loss 1.500 on 200 rows of 2 clients",
  ]);
  assert.deepEqual(changeLines(scored, { ...scored, state: "finished" }), ["finished"]);
  assert.deepEqual(changeLines(sample, { ...sample, retries: 1 }), [
    "a round missed its quorum and is tried again",
  ]);
});

Deno.test("changeLines() counts clients while the run waits for them", () => {
  const waiting: RunStatus = {
    ...sample,
    state: "waiting",
    current: null,
    seats: [seat(0), seat(1, { state: "invited" })],
  };
  assert.deepEqual(changeLines(waiting, { ...waiting, seats: [seat(0), seat(1)] }), [
    "2 clients ready",
  ]);
});

Deno.test("lineView() tells once that the server is gone, and that it is back", () => {
  const lines: string[] = [];
  const view = lineView((line) => lines.push(line));
  view.show(sample);
  const shown = lines.length;
  view.lost("gone");
  view.lost("gone");
  view.show(sample);
  view.show(sample);
  assert.deepEqual(lines.slice(shown), ["gone", "The server can be reached again"]);
});

Deno.test("frame() fits the screen: lines are cut, seats that do not fit are counted", () => {
  const many = { ...sample, seats: Array.from({ length: 50 }, (_, client) => seat(client)) };
  for (const rows of [12, 24, 40, 100]) {
    const lines = frame(many, now, { columns: 40, rows });
    assert.ok(lines.length < Math.max(rows, 13), `${lines.length} lines on ${rows} rows`);
    assert.ok(lines.every((line) => line.length <= 40));
    const seats = lines.filter((line) => line.startsWith("client ")).length;
    const more = /^… and (\d+) seats? more$/.exec(lines.at(-2)!);
    assert.equal(seats + Number(more?.[1] ?? 0), 50);
  }
});

Deno.test("liveView() draws over what it drew before, with the server's clock", () => {
  let text = "";
  let time = 5000; // this machine's clock is far behind the server's
  let tick = () => {};
  let stopped = false;
  const screen = { write: (part: string) => text += part, size: () => ({ columns: 99, rows: 30 }) };
  const view = liveView(screen, () => time, (every) => {
    tick = every;
    return { [Symbol.dispose]: () => stopped = true };
  });
  tick();
  assert.equal(text, "", "nothing to draw yet");
  view.show(sample);
  assert.ok(text.includes("9 min 50 s left"));
  const lines = text.split("\n").length - 1;
  text = "";
  time += 10_000;
  tick();
  assert.ok(text.startsWith(`\x1b[${lines}A\x1b[0J`), "back to the first line");
  assert.ok(text.includes("9 min 40 s left"));
  assert.ok(
    text.startsWith(`\x1b[${lines}A\x1b[0J\x1b[?7l`) && text.endsWith("\x1b[?7h"),
    "unwrapped",
  );
  text = "";
  view.lost("The server cannot be reached");
  assert.ok(text.includes("The server cannot be reached\n"));
  text = "";
  view.show(sample);
  assert.ok(!text.includes("cannot be reached"));
  view.close();
  assert.ok(stopped);
});
