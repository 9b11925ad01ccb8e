/**
 * What routes have in common: their parameters, and how OpenAPI tells who may call them.
 *
 * @module
 */

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { HttpEnv } from "../caller.ts";
import { count, sha256 } from "../schemas/common.ts";

/** The app that routes are added to. */
export type App = OpenAPIHono<HttpEnv>;

/** A whole number in a path or a query, in its one spelling. */
const whole = z.string().regex(/^(0|[1-9]\d{0,8})$/, "expected a whole number").transform(Number)
  .pipe(count).openapi({ type: "integer", minimum: 0, example: 0 });

/** Text that a database can be asked for: none takes NUL. */
const text = z.string().refine((value) => !value.includes("\0"), "expected text without NUL");

const run = text.openapi({ example: "rabcdefghijklmnop" });

/** Path of a run. */
export const runParams = z.object({ run });
/** Path of a client of a run. */
export const clientParams = z.object({ run, client: whole });
/** Path of a client's part in a round. */
export const roundParams = z.object({ run, round: whole, client: whole });
/** Path of an update. */
export const updateParams = z.object({
  run,
  round: whole,
  update: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/, "expected 16 to 64 of A-Z a-z 0-9 _ -")
    .openapi({ description: "Chosen by the client; the same id and body may be sent again" }),
});
/** Path of a base model. */
export const modelParams = z.object({ hash: sha256 });
/** Path of a base model's file. */
export const modelFileParams = modelParams.extend({
  path: text.openapi({
    description: "Relative to the model's folder",
    example: "model.safetensors",
  }),
});
/** Path of a bank. */
export const bankParams = z.object({
  run,
  rounds: z.union([z.literal("latest"), whole]).openapi({
    description: 'Rounds behind the bank, 0 for the initial one; or "latest"',
    example: "latest",
  }),
});
/** Which attempt at the round. */
export const attemptQuery = z.object({ attempt: whole });
/** Which attempt, by which client. */
export const updateQuery = z.object({ attempt: whole, client: whole });

function signatureHeaders(required: boolean) {
  return [
    ["Content-Digest", "SHA-256 of the body (RFC 9530): sha-256=:<base64>:"],
    [
      "Signature-Input",
      'hafl=("@method" "@path" "@query" "content-digest");created=<seconds>;nonce="<16 random bytes, base64url>";' +
      'keyid="<SHA-256 of the public key, hexadecimal>";alg="ed25519"',
    ],
    ["Signature", "hafl=:<base64>: over the signature base of RFC 9421"],
  ].map(([name, description]) => ({
    name,
    in: "header" as const,
    required,
    description,
    schema: { type: "string" as const },
  }));
}

/** A route for the administrator, by token. */
export const byToken = { security: [{ token: [] }] };
/** A route to read, for the administrator by token or session. */
export const byAdmin = { security: [{ token: [] }, { session: [] }] };
/** A route for clients. */
export const byClient = { security: [{ signature: [] }], parameters: signatureHeaders(true) };
/** A route for the administrator and clients. */
export const byAnyone = {
  security: [{ token: [] }, { session: [] }, { signature: [] }],
  parameters: signatureHeaders(false),
};

/** A JSON body. */
export function json<Schema extends z.ZodType>(schema: Schema) {
  return { content: { "application/json": { schema } }, required: true as const };
}

/** A JSON answer. */
export function jsonAnswer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

/** A body or an answer of bytes, described for people. */
export const bytes = {
  "application/octet-stream": { schema: z.any().openapi({ type: "string", format: "binary" }) },
};
