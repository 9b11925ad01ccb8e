import assert from "node:assert/strict";
import { fetchDownload } from "../../../src/federated/remote/api.ts";
import type { Connection } from "../../../src/federated/remote/connection.ts";
import { timerSleep } from "../../../src/federated/remote/retry.ts";
import { tinyManifest } from "../tiny_run.ts";
import { turn, until } from "./fake_clock.ts";
import {
  adminToken,
  enrolledRun,
  expectProblem,
  expectStatus,
  type Member,
  metricOf,
  rejectsOf,
  sendSigned,
  signedInit,
  type TestApp,
  withApp,
} from "./support.ts";

const one = { most: 8, perOwner: 1, waitMs: 0 };
const pace = { idleMs: 1000, graceMs: 1000, bytesPerSecond: 1 };

function download(test: TestApp, run: string, { key, client }: Member, method = "GET") {
  const route = `/v1/runs/${run}/rounds/0/downloads/${client}?attempt=0`;
  return sendSigned(test, key, { method, route });
}

Deno.test("sendBody() sends a client one download at a time, and the next when it is read, left or cut off", () =>
  withApp(async (test) => {
    const { run, members: [member, other] } = await enrolledRun(test, { ready: true });
    const down = 'hafl_body_bytes_total{direction="down"}';
    const first = await download(test, run, member);
    const problem = await expectProblem("busy", 503, await download(test, run, member));
    assert.match(String(problem.detail), /1 downloads of this sender/);
    await expectStatus(200, await download(test, run, other));
    assert.equal(await metricOf(test, down), 0, "what nobody has read is not counted");
    const whole = await first.bytes();
    assert.equal(first.headers.get("content-length"), String(whole.length));
    assert.equal(await metricOf(test, down), whole.length);

    const unread = await download(test, run, member);
    await test.clock.advance(1000);
    await assert.rejects(unread.bytes(), /Cannot wait any longer/);
    await (await download(test, run, member)).body!.cancel();
    assert.deepEqual(await (await download(test, run, member)).bytes(), whole);
    assert.equal(test.clock.pending, 0);
    assert.deepEqual(await rejectsOf(test, run), [], "busy is nobody's fault");
  }, { limits: { downloads: one, sendPace: pace } }));

Deno.test("sendBody() keeps no slot for an answer without a body", () =>
  withApp(async (test) => {
    const { run, members: [member, other] } = await enrolledRun(test, { ready: true });
    for (let n = 0; n < 3; n++) {
      await expectStatus(200, await download(test, run, member, "HEAD"));
      const foreign = `/v1/runs/${run}/rounds/0/downloads/${member.client}?attempt=0`;
      const refused = await sendSigned(test, other.key, { method: "GET", route: foreign });
      await expectProblem("unauthorized", 403, refused);
      const route = `/v1/runs/${run}/rounds/0/downloads/${other.client}?attempt=7`;
      const closed = await sendSigned(test, other.key, { method: "GET", route });
      assert.equal(closed.status, 409);
      await closed.body?.cancel();
    }
    await expectStatus(200, await download(test, run, member));
    await expectStatus(200, await download(test, run, other));
    assert.equal(test.clock.pending, 0);
  }, { limits: { downloads: one } }));

Deno.test("sendBody() sends banks from slots of their own", () =>
  withApp(async (test) => {
    const { run, members: [member] } = await enrolledRun(test, { ready: true });
    const bank = () =>
      test.fetch(`/v1/runs/${run}/banks/0`, {
        headers: { authorization: `Bearer ${adminToken}` },
      });
    const first = await bank();
    await expectProblem("busy", 503, await bank());
    await expectStatus(200, await download(test, run, member));
    await first.body!.cancel();
    await expectStatus(200, await bank());
  }, { limits: { files: one } }));

/** An adapter that the system does not take ahead of its reader: 16 MB. */
const layout = {
  ...tinyManifest().layout,
  modules: [{ name: "layers.0.q_proj", inFeatures: 500_000, outFeatures: 500_000 }],
};

Deno.test("sendBody() makes no more of a download than its socket takes, and its client comes again when it is cut off", () =>
  withApp(async (test) => {
    const manifest = tinyManifest({ layout, ranks: { kind: "fixed", ranks: [4, 4, 4] } });
    const { run, members: [{ key, client }] } = await enrolledRun(test, { manifest, ready: true });
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (incoming, { remoteAddr }) => test.app.fetch(incoming, { remoteAddr }),
    );
    const { port } = server.addr;
    const down = () => metricOf(test, 'hafl_body_bytes_total{direction="down"}');

    const route = `/v1/runs/${run}/rounds/0/downloads/${client}?attempt=0`;
    const { headers } = await signedInit(test.clock, key, { method: "GET", route });
    const lines = Object.entries(headers as Record<string, string>).map((pair) => pair.join(": "));
    const head = [`GET ${route} HTTP/1.1`, "host: localhost", ...lines].join("\r\n");
    using socket = await Deno.connect({ hostname: "127.0.0.1", port });
    await socket.write(new TextEncoder().encode(`${head}\r\n\r\n`));
    await until(async () => await down() > 0);
    for (let before = -1; before !== await down();) {
      before = await down();
      for (let turns = 0; turns < 20; turns++) await turn();
    }
    const made = await down();

    // The slot is free again once the reader is given up on.
    let tries = 0;
    const connection: Connection = {
      server: `http://127.0.0.1:${port}`,
      key,
      fetch: async (url, init) => {
        if (++tries === 2) await test.clock.advance(1000);
        return await fetch(url, init);
      },
      now: test.clock.now,
      sleep: (_, signal) => timerSleep(0, signal),
      random: () => 0,
      patience: { first: 0, most: 0 },
      stall: 30_000,
      signal: new AbortController().signal,
      onReach: () => {},
    };
    const address = { run, round: 0, attempt: 0, client };
    const bytes = await fetchDownload(connection, address, manifest.layout);
    assert.ok(made < bytes.length, `all ${made} bytes were made for nobody`);
    assert.equal(tries, 2, "busy once");
  }, { limits: { downloads: one, sendPace: pace } }));
