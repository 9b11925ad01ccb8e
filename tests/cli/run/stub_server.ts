/** A server that answers what it is told to, and remembers what it was asked. */

import { problemType, problemUri } from "../../../src/protocol/http/problem.ts";

/** A request as it arrived. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What to answer: JSON, bytes, a stream, or a response as it stands. */
export type Answer = (asked: Asked) => unknown;

/** A server that runs until it is disposed. */
export interface StubServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[];
  /** The flags that commands need for it. */
  readonly flags: readonly string[];
}

/** Starts a server. A route is "GET /v1/runs"; one that is not there is answered by a problem. */
export async function stubServer(routes: Readonly<Record<string, Answer>>): Promise<StubServer> {
  const asked: Asked[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const entry: Asked = {
      method: request.method,
      path: pathname,
      authorization: request.headers.get("authorization"),
      body: await request.bytes(),
    };
    asked.push(entry);
    const answer = routes[`${request.method} ${pathname}`];
    if (answer === undefined) return problem(404, "not-found", `Cannot find ${pathname}`);
    const value = answer(entry);
    if (value instanceof Response) return value;
    if (value instanceof Uint8Array) return new Response(new Uint8Array(value));
    return value === undefined ? new Response(null, { status: 204 }) : Response.json(value);
  });
  const token = await Deno.makeTempFile({ prefix: "hafl-token-" });
  await Deno.writeTextFile(token, "secret\n");
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    url,
    asked,
    flags: ["--server", url, "--token-file", token],
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(token);
    },
  };
}

/** A problem document. */
export function problem(status: number, code: Parameters<typeof problemUri>[0], detail: string) {
  const body = { type: problemUri(code), status, title: "A problem", detail };
  return Response.json(body, { status, headers: { "content-type": problemType } });
}

/** Collects what a command prints. */
export function printed(): { readonly lines: string[]; print(line: string): void } {
  const lines: string[] = [];
  return { lines, print: (line) => void lines.push(...line.split("\n")) };
}
