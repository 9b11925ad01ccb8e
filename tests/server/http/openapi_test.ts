import assert from "node:assert/strict";
import { problemType } from "../../../src/protocol/http/problem.ts";
import { withApp } from "./support.ts";

interface Operation {
  readonly summary?: string;
  readonly tags?: string[];
  readonly security?: Record<string, unknown>[];
  readonly parameters?: {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
  }[];
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}

async function withOperations(
  body: (
    operations: Map<string, Operation>,
    document: {
      components: Record<string, Record<string, unknown>>;
    },
    routes: string[],
  ) => void,
) {
  await withApp(async ({ app, fetch }) => {
    const response = await fetch("/openapi.json", {});
    assert.equal(response.headers.get("content-type"), "application/json");
    const document = await response.json();
    assert.equal(document.openapi, "3.1.0");
    const operations = new Map<string, Operation>();
    for (const [path, item] of Object.entries<Record<string, Operation>>(document.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        operations.set(`${method.toUpperCase()} ${path}`, operation);
      }
    }
    const routes = app.routes.filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`);
    body(operations, document, [...new Set(routes)]);
  });
}

Deno.test("openApiDocument() lists every route, with summary, tag and path parameters", () =>
  withOperations((operations, _, routes) => {
    const undocumented = routes.filter((route) => !operations.has(route));
    assert.deepEqual(undocumented, ["GET /openapi.json"]);
    assert.equal(operations.size, routes.length - 1);
    for (const [route, { summary, tags, parameters = [] }] of operations) {
      assert.ok(summary && tags?.length === 1, route);
      const named = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      const told = parameters.filter((one) => one.in === "path").map(({ name }) => name).sort();
      assert.deepEqual(told, named, route);
    }
  }));

Deno.test("openApiDocument() tells of each route who may call it, and of signed ones the headers", () =>
  withOperations((operations, { components }) => {
    const open = [...operations].filter(([, { security }]) => !security).map(([route]) => route);
    assert.deepEqual(open, ["GET /healthz", "GET /readyz", "DELETE /v1/session"]);
    let signed = 0;
    for (const [route, { security = [], parameters = [] }] of operations) {
      for (const scheme of security.flatMap(Object.keys)) {
        assert.ok(scheme in components.securitySchemes, scheme);
      }
      const headers = parameters.filter((one) => one.in === "header");
      const bySignature = security.some((scheme) => "signature" in scheme);
      assert.equal(headers.length, bySignature ? 3 : 0, route);
      if (!bySignature) continue;
      signed++;
      assert.ok(headers.every(({ required }) => required === (security.length === 1)), route);
    }
    assert.equal(signed, 13);
  }));

Deno.test("openApiDocument() describes refusals as problem documents", () =>
  withOperations((operations, { components }) => {
    assert.ok("Problem" in components.schemas && "RunStatus" in components.schemas);
    for (const [route, { security, responses }] of operations) {
      const refusals = Object.entries(responses).filter(([status]) => Number(status) >= 400);
      if (security) assert.ok(refusals.some(([status]) => status === "401"), route);
      if (route === "GET /readyz") continue;
      for (const [status, { content = {} }] of refusals) {
        assert.deepEqual(Object.keys(content), [problemType], `${route} ${status}`);
      }
    }
  }));
