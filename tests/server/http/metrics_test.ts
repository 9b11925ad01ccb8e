import assert from "node:assert/strict";
import { createMetrics } from "../../../server/http/metrics.ts";
import { createTinyRun } from "../tiny_run.ts";
import { adminToken, expectProblem, metricOf, withApp } from "./support.ts";

Deno.test("createMetrics() count by name and label, apart from every other registry", async () => {
  const gauges = { waiting: () => 3, memory: () => 4096 };
  const [metrics, other] = [createMetrics(gauges), createMetrics(gauges)];
  metrics.countReject("norm");
  metrics.countReject("norm");
  metrics.countBytes("up", 10);
  metrics.countBytes("up", 5);
  metrics.countEvent("round-published");
  metrics.countEvent("round-missed");
  metrics.countEvent("something else");
  const value = (name: string) => metricOf({ metrics }, name);
  assert.equal(await value('hafl_rejects_total{reason="norm"}'), 2);
  assert.equal(await value('hafl_body_bytes_total{direction="up"}'), 15);
  assert.equal(await value("hafl_rounds_published_total"), 1);
  assert.equal(await value("hafl_rounds_missed_total"), 1);
  assert.equal(await value("hafl_waiting"), 3);
  assert.equal(await value("hafl_resident_memory_bytes"), 4096);
  assert.equal(await metricOf({ metrics: other }, "hafl_rounds_published_total"), 0);
});

Deno.test("requestLog() counts requests by the route's template, not by path", () =>
  withApp(async (test) => {
    const { run } = await createTinyRun(test.admin);
    const headers = { authorization: `Bearer ${adminToken}` };
    for (const name of [run, "other", "another"]) {
      await (await test.fetch(`/v1/runs/${name}`, { headers })).body?.cancel();
    }
    for (const path of ["/x", "/y"]) {
      await expectProblem("not-found", 404, await test.fetch(path, {}));
    }
    const count = (route: string, status: number) =>
      metricOf(
        test,
        `hafl_http_requests_total{method="GET",route="${route}",status="${status}"}`,
      );
    assert.equal(await count("/v1/runs/:run", 200), 1);
    assert.equal(await count("/v1/runs/:run", 404), 2);
    assert.equal(await count("none", 404), 2);
    const { text } = await test.metrics.read();
    assert.ok(!text.includes(run));
  }));

Deno.test("requestLog() takes methods that somebody made up for one, in metrics and log", () =>
  withApp(async (test) => {
    for (const method of ["AAAA1", "AAAA2", "A".repeat(500)]) {
      await expectProblem("not-found", 404, await test.fetch("/x", { method }));
      const refused = await test.fetch("/v1/runs/some", { method });
      const { detail } = await expectProblem("method-not-allowed", 405, refused);
      assert.equal(detail, "Cannot answer other /v1/runs/some: expected GET, HEAD");
    }
    const { text } = await test.metrics.read();
    assert.ok(!text.includes("AAAA"), text);
    const counted = [...text.matchAll(/^hafl_http_requests_total\{method="(\w+)".* (\d+)$/mg)];
    assert.deepEqual(counted.map(([, ...row]) => row), [["other", "3"], ["other", "3"]]);
    const logged = test.lines.filter(({ event }) => event === "request");
    assert.deepEqual(logged.map(({ facts }) => facts.method), Array(6).fill("other"));
  }));

Deno.test("addOpenRoutes() hand the metrics to the administrator, as Prometheus reads them", () =>
  withApp(async ({ fetch }) => {
    await expectProblem("unauthorized", 401, await fetch("/metrics", {}));
    const response = await fetch("/metrics", {
      headers: { authorization: `Bearer ${adminToken}` },
    });
    assert.match(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    assert.match(await response.text(), /^# TYPE hafl_http_request_seconds histogram$/m);
  }));
