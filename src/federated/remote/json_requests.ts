/** Requests whose answers are JSON documents, or nothing. @module */

import { UserError } from "../../protocol/errors.ts";
import type { AnswerForm } from "./answer_forms.ts";
import { type Connection, type RemoteRequest, send } from "./connection.ts";

/** Asks for a document. */
export async function getJson<Answer>(
  connection: Connection,
  request: Omit<RemoteRequest, "method">,
  form: AnswerForm<Answer>,
): Promise<Answer> {
  const body = await send(connection, { ...request, method: "GET" });
  return checked(parseJson(body, connection.server), form, connection);
}

/** Sends a document, and gets one back. */
export async function sendJson<Answer>(
  connection: Connection,
  request: RemoteRequest,
  document: unknown,
  form: AnswerForm<Answer>,
): Promise<Answer> {
  const body = await send(connection, withJson(request, document));
  return checked(parseJson(body, connection.server), form, connection);
}

/** Sends what is only acknowledged. */
export async function tell(connection: Connection, request: RemoteRequest): Promise<void> {
  const body = await send(connection, request);
  if (body.length > 0) {
    throw confusing(connection, "no content", new TextDecoder().decode(body.subarray(0, 100)));
  }
}

/** Sends a document that is only acknowledged. */
export async function tellJson(
  connection: Connection,
  request: RemoteRequest,
  document: unknown,
): Promise<void> {
  await tell(connection, withJson(request, document));
}

function withJson(request: RemoteRequest, document: unknown): RemoteRequest {
  const body = new TextEncoder().encode(JSON.stringify(document));
  return { ...request, type: "application/json", body };
}

/**
 * Reads a document.
 *
 * @throws UserError when it is none: a proxy's page, or somebody else's server.
 */
export function parseJson(body: Uint8Array, server: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new UserError(`Cannot understand ${server}: expected JSON; is it a HAFL server?`);
  }
}

/** A value that has a form. @throws UserError when it has not. */
export function checked<Answer>(
  value: unknown,
  form: AnswerForm<Answer>,
  connection: Connection,
): Answer {
  if (form.fits(value)) return value;
  throw confusing(connection, form.expected, value);
}

/** The error for an answer that cannot be one. */
export function confusing({ server }: Connection, expected: string, value: unknown): UserError {
  const shown = (JSON.stringify(value) ?? "nothing").slice(0, 100);
  return new UserError(
    `Cannot understand ${server}: expected ${expected}, got ${shown}; is it a HAFL server of this version?`,
  );
}
