/**
 * Requests of all kinds: right ones, nearly right ones, and rubbish.
 *
 * @module
 */

import fc from "fast-check";
import { tinyManifest } from "../tiny_run.ts";

/** Who sends a request; `stranger` signs with a key that nobody knows. */
export type Sender = "nobody" | "admin" | "client" | "stranger";

/** A part of an address: what fits there, or something else. */
export type Part = { readonly kind: "right" } | { readonly kind: "wrong"; readonly text: string };

/** A request to be. */
export interface FuzzRequest {
  readonly sender: Sender;
  readonly method: string;
  /** With names in braces. */
  readonly path: string;
  /** For the names in the path, in order. */
  readonly parts: readonly Part[];
  /** By name. */
  readonly query: Readonly<Record<string, Part>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** Documents of the API, each of which is right somewhere. */
const documents = {
  budget: { samples: 10, rank: 2, stepSeconds: 0.1, link: { down: 1e6, up: 1e6 } },
  enrolment: { token: "x".repeat(43), name: "n", publicKey: "A".repeat(43) },
  evaluation: { rounds: 0, rows: 10, correct: 5, loss: 3.5 },
  progress: { round: 0, attempt: 0, step: 1, steps: 2 },
  invitations: { seats: [{ role: "client", client: 0 }, { role: "evaluator" }] },
  manifest: tinyManifest(),
} as const satisfies Record<string, object>;

interface Route {
  readonly method: string;
  readonly path: string;
  readonly document?: keyof typeof documents;
}

const routes: readonly Route[] = [
  { method: "POST", path: "/v1/runs", document: "manifest" },
  { method: "GET", path: "/v1/runs" },
  { method: "GET", path: "/v1/runs/{run}" },
  { method: "PUT", path: "/v1/runs/{run}/bank" },
  { method: "GET", path: "/v1/runs/{run}/manifest" },
  { method: "GET", path: "/v1/runs/{run}/banks/{round}" },
  { method: "POST", path: "/v1/runs/{run}/invitations", document: "invitations" },
  { method: "GET", path: "/v1/runs/{run}/events" },
  { method: "POST", path: "/v1/runs/{run}/stop" },
  { method: "POST", path: "/v1/runs/{run}/clients/{client}/withdraw" },
  { method: "POST", path: "/v1/runs/{run}/enrolments", document: "enrolment" },
  { method: "PUT", path: "/v1/runs/{run}/clients/{client}/budget", document: "budget" },
  { method: "GET", path: "/v1/runs/{run}/clients/{client}/task" },
  { method: "PUT", path: "/v1/runs/{run}/clients/{client}/progress", document: "progress" },
  { method: "PUT", path: "/v1/runs/{run}/rounds/{round}/choices/{client}" },
  { method: "GET", path: "/v1/runs/{run}/rounds/{round}/downloads/{client}" },
  { method: "PUT", path: "/v1/runs/{run}/rounds/{round}/updates/{update}" },
  { method: "PUT", path: "/v1/runs/{run}/evaluations/{client}", document: "evaluation" },
  { method: "GET", path: "/v1/models/{hash}/files" },
  { method: "GET", path: "/v1/models/{hash}/files/{path}" },
  { method: "PUT", path: "/v1/models/{hash}/files/{path}" },
  { method: "POST", path: "/v1/probe" },
  { method: "POST", path: "/v1/session" },
  { method: "DELETE", path: "/v1/session" },
  { method: "GET", path: "/v1/audit" },
  { method: "GET", path: "/metrics" },
  { method: "GET", path: "/readyz" },
  { method: "GET", path: "/openapi.json" },
  { method: "GET", path: "/assets/{path}" },
  { method: "GET", path: "/{path}" },
];

const methods = ["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "PROPFIND", "get"];

const numbers = [
  "-1",
  "-0",
  "00",
  "1e3",
  "1e-400",
  "0.5",
  "NaN",
  "Infinity",
  "0x10",
  "9007199254740993",
  "9".repeat(40),
];

const texts = [
  "",
  ".",
  "..",
  "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
  "..%5c..%5c",
  "%00",
  "%ff%fe",
  "%",
  "%zz",
  "'%20OR%201=1--",
  "$1",
  "__proto__",
  "constructor",
  "latest",
  "%F0%9F%92%A5",
  "a".repeat(5000),
  "*",
  "{run}",
  "//",
];

const part: fc.Arbitrary<Part> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: "right" as const }) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.constantFrom(...numbers, ...texts),
      fc.string({ unit: "grapheme", maxLength: 12 }).map(encode),
    ).map((text) => ({ kind: "wrong" as const, text })),
  },
);

const query = fc.dictionary(
  fc.constantFrom("attempt", "client", "wait", "limit", "__proto__", "x"),
  part,
  { maxKeys: 3 },
);

/** Both keys that most routes ask for, most of the time. */
const usualQuery = fc.record({ attempt: part, client: part });

const headerNames = [
  "accept",
  "authorization",
  "content-digest",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "if-none-match",
  "origin",
  "range",
  "signature",
  "transfer-encoding",
  "x-forwarded-for",
  "x-http-method-override",
];
const headerValues = [
  "",
  "*/*",
  "application/json",
  "application/json; charset=utf-16",
  "application/octet-stream",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded",
  "gzip",
  "chunked",
  "0",
  "-1",
  "5",
  "99999999999999999999",
  "Bearer",
  "Bearer wrong",
  "Basic YTpi",
  "hafl_session=1.2",
  `hafl_session=9999999999999.${"A".repeat(43)}`,
  "bytes=0-",
  "100-continue",
  "DELETE",
  "sha-256=:AAAA:",
  "hafl=:AAAA:",
  "x".repeat(3000),
];
const header = fc.oneof(
  fc.constantFrom(...headerValues),
  fc.string({ unit: fc.constantFrom(...' !"#%&(),/:;<=>?@[]{}aZ09\t'), maxLength: 40 }),
);
const headers = fc.dictionary(fc.constantFrom(...headerNames), header, { maxKeys: 3 });

/** Texts of JSON values that a field does not expect; 1e999 is read as Infinity. */
const oddities = [
  "null",
  "true",
  "-1",
  "0",
  "1.5",
  "1e308",
  "1e999",
  "-1e999",
  "9007199254740991",
  "123456789012345678901234567890",
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"<script>"',
  "[]",
  "{}",
  '{"__proto__":{"x":1}}',
  "NaN",
  "",
];

/** A document with one field that is something else. */
function nearly(document: object): fc.Arbitrary<string> {
  const odd = fc.oneof(fc.constantFrom(...oddities), fc.json({ maxDepth: 3 }));
  return fc.tuple(fc.constantFrom(...Object.keys(document), "extra"), odd).map(([name, text]) =>
    JSON.stringify({ ...document, [name]: "here" }).replace('"here"', () => text)
  );
}

const rubbish = fc.oneof(
  fc.json(),
  fc.constantFrom(
    "",
    "[".repeat(20_000),
    '{"a":'.repeat(5000),
    `"${"x".repeat(70_000)}"`,
    "\ufeff{}",
  ),
);

function bodyFor({ document }: Route): fc.Arbitrary<FuzzRequest["body"]> {
  const right = documents[document ?? "progress"];
  const text = fc.oneof(
    { weight: 4, arbitrary: nearly(right) },
    { weight: 1, arbitrary: fc.constant(JSON.stringify(right)) },
    { weight: 1, arbitrary: rubbish },
  );
  return fc.oneof(
    { weight: 4, arbitrary: text.map((some) => new TextEncoder().encode(some)) },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes)),
    },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

/** Any request. */
export const fuzzRequest: fc.Arbitrary<FuzzRequest> = fc.constantFrom(...routes).chain((route) =>
  fc.record({
    sender: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom<Sender>("admin", "client") },
      { weight: 1, arbitrary: fc.constantFrom<Sender>("nobody", "stranger") },
    ),
    method: fc.oneof(
      { weight: 6, arbitrary: fc.constant(route.method) },
      { weight: 1, arbitrary: fc.constantFrom(...methods) },
    ),
    path: fc.constant(route.path),
    parts: fc.array(part, { minLength: 3, maxLength: 3 }),
    query: fc.oneof(query, usualQuery),
    headers: fc.oneof(
      { weight: 2, arbitrary: fc.constant({ "content-type": "application/json" }) },
      { weight: 1, arbitrary: headers },
    ),
    body: bodyFor(route),
  })
);

/** What fits in an address, by name. */
export type RightParts = Readonly<Record<string, string>>;

/** Path and query of a request. */
export function routeOf({ path, parts, query }: FuzzRequest, right: RightParts): string {
  let next = 0;
  const textOf = (name: string, part: Part) =>
    part.kind === "right" ? right[name] ?? "1" : part.text;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => textOf(name, parts[next++]));
  const pairs = Object.entries(query).map(([name, part]) => `${name}=${textOf(name, part)}`);
  return filled + (pairs.length > 0 ? `?${pairs.join("&")}` : "");
}

/** A text as a segment of a path, lone surrogates and all. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
