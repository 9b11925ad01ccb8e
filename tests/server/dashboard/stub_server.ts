/** A server with the dashboard's pages and just the routes they ask for; a test decides what it answers. */

import { assets } from "../../../server/dashboard/assets.ts";
import type { RunStatus } from "../../../src/protocol/http/documents.ts";

/** The token that signs in. */
export const stubToken = "correct-horse";

/** A running stub. */
export interface StubServer extends AsyncDisposable {
  readonly origin: string;
  /** Publishes a run's status: to the list and to everyone who follows it. */
  publish(status: RunStatus): void;
  /** Ends all streams of events, as a server does that stops. */
  endStreams(): void;
  /** While it is set, everything under /v1 gets this status. */
  outage: number | undefined;
}

type Stream = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

const policy = "default-src 'self'; img-src 'self' data:; style-src 'self'";
const encoder = new TextEncoder();

/** Starts a stub on a free port. */
export function startStub(): StubServer {
  const runs = new Map<string, RunStatus>();
  const streams = new Map<Stream, string>();
  const stub = { outage: undefined as number | undefined };

  function events(run: string): Response {
    let opened: Stream;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(stream) {
        opened = stream;
        streams.set(stream, run);
        // A browser would wait three seconds before it asks again.
        stream.enqueue(encoder.encode("retry: 20\n\n"));
        stream.enqueue(eventOf(runs.get(run)!));
      },
      cancel: () => void streams.delete(opened),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  function answer(request: Request): Response {
    const { pathname } = new URL(request.url);
    const asset = assets.get(pathname);
    if (asset) {
      const forDocs = pathname === "/docs" ? " 'unsafe-inline'" : "";
      return new Response(asset.body, {
        headers: { "content-type": asset.type, "content-security-policy": policy + forDocs },
      });
    }
    if (pathname === "/openapi.json") return Response.json(openapi);
    if (stub.outage !== undefined) return problem(stub.outage, "The server is being restarted");
    if (pathname === "/v1/session") return session(request);
    if (!request.headers.get("cookie")?.includes("hafl_session=yes")) {
      return problem(401, "Cannot read this without the administrator's token");
    }
    if (pathname === "/v1/runs") return Response.json([...runs.values()].map(summary));
    const [, run, rest] = /^\/v1\/runs\/([^/]+)(\/events)?$/.exec(pathname) ?? [];
    const status = runs.get(run);
    if (!status) return problem(404, `There is no ${pathname}`);
    return rest === undefined ? Response.json(status) : events(run);
  }

  // Browsers keep connections open, and a shutdown would wait for them.
  const ended = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: ended.signal,
    onListen: () => {},
  }, answer);
  return Object.assign(stub, {
    origin: `http://127.0.0.1:${server.addr.port}`,
    publish(status: RunStatus) {
      runs.set(status.run, status);
      for (const [stream, run] of streams) if (run === status.run) stream.enqueue(eventOf(status));
    },
    endStreams() {
      for (const stream of streams.keys()) stream.close();
      streams.clear();
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await server.finished;
    },
  });
}

function eventOf(status: RunStatus): Uint8Array<ArrayBuffer> {
  return encoder.encode(`event: status\ndata: ${JSON.stringify(status)}\n\n`);
}

function summary({ run, name, state, roundsDone, rounds, createdAt }: RunStatus) {
  return { run, name, state, roundsDone, rounds, createdAt };
}

function session(request: Request): Response {
  if (request.method === "DELETE") return cookie("no");
  return request.headers.get("authorization") === `Bearer ${stubToken}`
    ? cookie("yes")
    : problem(401, "Cannot sign in: that is not the administrator's token");
}

function cookie(value: string): Response {
  const headers = { "set-cookie": `hafl_session=${value}; HttpOnly; SameSite=Strict; Path=/` };
  return new Response(null, { status: 204, headers });
}

function problem(status: number, detail: string): Response {
  return Response.json({ type: "urn:hafl:problem:stub", status, title: "Stub", detail }, {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}

const openapi = {
  openapi: "3.1.0",
  info: { title: "HAFL", version: "0.1.0" },
  paths: {
    "/v1/runs": {
      get: { summary: "Lists the runs", responses: { "200": { description: "The runs" } } },
    },
  },
};
