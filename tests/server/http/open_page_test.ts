import assert from "node:assert/strict";
import type { Asset } from "../../../server/http/parts.ts";
import { expectProblem, expectStatus, withApp } from "./support.ts";

const assets = new Map<string, Asset>([
  ["/", { type: "text/html; charset=utf-8", body: "<p>page" }],
  ["/docs", { type: "text/html; charset=utf-8", body: "<p>docs" }],
  ["/assets/app.js", { type: "text/javascript", body: "1" }],
]);

Deno.test("addOpenRoutes() serve the pages, which may run nothing of others", () =>
  withApp(async ({ fetch }) => {
    for (const [path, { type, body }] of assets) {
      const response = await fetch(path, {});
      assert.equal(await response.text(), body);
      const { headers } = response;
      assert.equal(headers.get("content-type"), type);
      const policy = headers.get("content-security-policy")!;
      assert.match(policy, /^default-src 'self'; frame-ancestors 'none';/);
      assert.equal(policy.includes("unsafe-inline"), path === "/docs");
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.equal(headers.get("strict-transport-security"), null);
      const known = { "if-none-match": headers.get("etag")! };
      assert.equal((await fetch(path, { headers: known })).status, 304);
    }
    await expectProblem("not-found", 404, await fetch("/assets/other.js", {}));
  }, { assets }));

Deno.test("servePage() keeps little for an address that asks again and again and reads nothing", () =>
  withApp(async ({ fetch, clock }) => {
    for (const path of ["/assets/app.js", "/openapi.json"]) {
      const unread = await fetch(path, {});
      await expectProblem("busy", 503, await fetch(path, {}));
      assert.equal(clock.pending, 1, "its reader is watched");
      await clock.advance(1000);
      await assert.rejects(unread.text(), /Cannot wait any longer/);
      await expectStatus(200, await fetch(path, {}));
      await expectStatus(200, await fetch(path, { method: "HEAD" }));
    }
  }, {
    assets,
    limits: {
      pages: { most: 8, perOwner: 1, waitMs: 0 },
      sendPace: { idleMs: 1000, graceMs: 1000, bytesPerSecond: 1 },
    },
  }));

Deno.test("addOpenRoutes() say that the server is alive, and whether it is ready", () =>
  withApp(async ({ fetch, db, drain }) => {
    const status = async (path: string) => (await fetch(path, {})).status;
    assert.deepEqual([await status("/healthz"), await status("/readyz")], [200, 200]);
    const { ping } = db;
    db.ping = () => Promise.reject(new Error("gone"));
    assert.deepEqual([await status("/healthz"), await status("/readyz")], [200, 503]);
    db.ping = ping;
    drain();
    assert.deepEqual([await status("/healthz"), await status("/readyz")], [200, 503]);
    const refused = await fetch("/v1/runs", {});
    assert.equal(refused.headers.get("retry-after"), "3");
    await expectProblem("busy", 503, refused);
  }));
