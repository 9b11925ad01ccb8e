/** A server in memory for one client: it checks every signature and nonce, and runs rounds as the real one does. */

import { sha256, sha256Hex } from "../../../src/protocol/hash.ts";
import type { AnyEvaluationReport, ClientTask } from "../../../src/protocol/http/documents.ts";
import { type ProblemCode, problemType, problemUri } from "../../../src/protocol/http/problem.ts";
import {
  importPublicKey,
  parseSignature,
  verifySignature,
} from "../../../src/protocol/http/request_signature.ts";
import type { ClientKey } from "../../../src/federated/remote/client_key.ts";
import type { Connection, Fetch } from "../../../src/federated/remote/connection.ts";

/** A request as it arrived, its signature checked. */
export interface Arrived {
  readonly method: string;
  /** Path and query. */
  readonly route: string;
  readonly nonce: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Answers a request; an error stands for a cut connection. */
export type Handler = (request: Arrived) => Response | Promise<Response>;

/** A time that tests agree on. */
export const NOW = Date.UTC(2030, 0, 1);

/** A problem document as an answer. */
export function problem(
  code: ProblemCode,
  status: number,
  more: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Response {
  const document = {
    type: problemUri(code),
    status,
    title: code,
    detail: `it says ${code}`,
    ...more,
  };
  return new Response(JSON.stringify(document), {
    status,
    headers: { "content-type": problemType, ...headers },
  });
}

/** A `fetch` that hands verified requests to `handler`. A wrong signature or a nonce that was there before fails the test. */
export function fetchOf(key: ClientKey, handler: Handler): Fetch {
  const nonces = new Set<string>();
  return async (url, { method, headers, body, signal }) => {
    signal?.throwIfAborted();
    const { pathname, search, origin } = new URL(url);
    const bytes = new Uint8Array(await new Response(body).arrayBuffer());
    const parsed = parseSignature(new Headers(headers));
    const publicKey = await importPublicKey(key.publicKey);
    const facts = { method: method!, path: pathname, query: search === "" ? "?" : search };
    if (!parsed || !await verifySignature(facts, parsed, publicKey!)) {
      throw new FakeFault("the signature is wrong");
    }
    if ((await sha256(bytes)).toHex() !== parsed.digest.toHex()) {
      throw new FakeFault("the digest is wrong");
    }
    if (nonces.has(parsed.nonce)) throw new FakeFault("a nonce came twice");
    nonces.add(parsed.nonce);
    const route = url.slice(origin.length);
    return await handler({ method: method!, route, nonce: parsed.nonce, body: bytes });
  };
}

/** What would look like a cut connection, and be tried again for ever: ends the process's test instead. */
class FakeFault extends Error {
  constructor(message: string) {
    super(message);
    queueMicrotask(() => {
      throw this;
    });
  }
}

/** A connection to a handler, with a clock that stands still and sleeps that take no time. */
export function connectionTo(
  key: ClientKey,
  fetch: Fetch,
  changes: Partial<Connection> = {},
): Connection & { readonly slept: number[]; readonly reach: (string | undefined)[] } {
  const slept: number[] = [];
  const reach: (string | undefined)[] = [];
  return {
    server: "http://server.example",
    key,
    fetch,
    now: () => NOW,
    sleep: (milliseconds, signal) => {
      slept.push(milliseconds);
      return signal.aborted ? Promise.reject(signal.reason) : Promise.resolve();
    },
    random: () => 0.5,
    patience: { first: 1000, most: 8000 },
    stall: 60_000,
    signal: new AbortController().signal,
    onReach: (trouble) => void reach.push(trouble),
    slept,
    reach,
    ...changes,
  };
}

/** A run of one client. */
export interface FakeRun {
  readonly handler: Handler;
  /** Text of the accepted updates, in order. */
  readonly updates: string[];
  /** Ids under which updates came, accepted or not. */
  readonly ids: string[];
  readonly reports: AnyEvaluationReport[];
  readonly progress: string[];
  round: number;
  attempt: number;
}

/** A run of `rounds` rounds under id "run", whose bank and downloads are texts. */
export function fakeRun(
  rounds: number,
  { choosing = false, role = "client" }: {
    readonly choosing?: boolean;
    readonly role?: "client" | "evaluator";
  } = {},
): FakeRun {
  const known = new Map<string, string>();
  let chosen = "";
  const run: FakeRun = {
    updates: [],
    ids: [],
    reports: [],
    progress: [],
    round: 0,
    attempt: 0,
    async handler({ method, route, body }) {
      const text = new TextDecoder().decode(body);
      const { pathname, searchParams } = new URL(route, "http://server");
      const path = pathname.replace("/v1/runs/run/", "");
      const place = `${run.round}.${run.attempt}`;
      const named = `${/^rounds\/(\d+)/.exec(path)?.[1]}.${searchParams.get("attempt")}`;
      const parts = path.split("/");
      switch (`${method} ${parts[0]} ${parts[2] ?? ""}`.trim()) {
        case "GET clients task":
          return Response.json(task());
        case "PUT clients progress":
          run.progress.push(text);
          return new Response(null, { status: 204 });
        case "PUT rounds choices":
          if (named !== place) return problem("round-closed", 409);
          chosen = place;
          return new Response(null, { status: 204 });
        case "GET rounds downloads":
          if (named !== place) return problem("round-closed", 409);
          return new Response(`download ${run.round}`);
        case "GET banks":
          return new Response(`bank ${parts[1]}`);
        case "PUT evaluations": {
          const report: AnyEvaluationReport = JSON.parse(text);
          const last = run.reports.findIndex(({ rounds }) => rounds === report.rounds);
          if (last >= 0) run.reports[last] = report;
          else run.reports.push(report);
          if (role === "evaluator") run.round = Math.max(run.round, report.rounds + 1);
          return new Response(null, { status: 204 });
        }
        case "PUT rounds updates": {
          const id = parts[3];
          run.ids.push(id);
          const digest = await sha256Hex(body);
          if (known.get(id) === digest) return Response.json({ update: id, repeated: true });
          if (known.has(id)) return problem("conflict", 409);
          if (named !== place) return problem("round-closed", 409);
          known.set(id, digest);
          run.updates.push(text);
          run.round++;
          run.attempt = 0;
          return Response.json({ update: id, repeated: false });
        }
        default:
          return problem("not-found", 404);
      }
    },
  };
  function task(): ClientTask {
    if (run.round >= rounds) return { kind: "finished", rounds };
    if (role === "evaluator") return { kind: "evaluate", rounds: run.round };
    const { round, attempt } = run;
    const facts = { round, attempt, rank: 2, deadline: NOW + 60_000 };
    const choose = choosing && chosen !== `${round}.${attempt}`;
    return { ...facts, kind: choose ? "choose" : "train" };
  }
  return run;
}
