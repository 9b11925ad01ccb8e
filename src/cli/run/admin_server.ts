/** Requests to a server in its administrator's name. @module */

import { type Fetch, reasonOf, redirectOf } from "../../federated/remote/connection.ts";
import { readProblem } from "../../federated/remote/remote_problem.ts";
import { UserError } from "../../protocol/errors.ts";
import { certificateAdvice } from "../certificate_advice.ts";

/** A server and the credential for it. */
export interface AdminServer {
  /** Its address, without a slash at its end. */
  readonly server: string;
  /** The administrator's token. */
  readonly token: string;
  /** Where the token was found, as errors name it. */
  readonly tokenSource: string;
  readonly fetch: Fetch;
}

/** A request. */
export interface AdminRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** Path and query. */
  readonly route: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, where there is no `json`. */
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** The server could not be reached, or the connection was cut. */
export class UnreachableError extends UserError {
  override name = "UnreachableError";
}

/** The server said no. Its message is the server's own sentence. */
export class RefusedError extends UserError {
  override name = "RefusedError";
  constructor(message: string, readonly status: number) {
    super(message);
  }
}

/**
 * Sends a request.
 *
 * @returns the answer, a success; its body is the caller's to read.
 *
 * @throws UnreachableError when there is no answer.
 * @throws RefusedError when it is not a success.
 */
export async function ask(admin: AdminServer, request: AdminRequest): Promise<Response> {
  const { method, route, json, signal } = request;
  const body = json === undefined ? request.body : JSON.stringify(json);
  const type = json === undefined ? "application/octet-stream" : "application/json";
  let response: Response;
  try {
    response = await admin.fetch(admin.server + route, {
      method,
      headers: {
        authorization: `Bearer ${admin.token}`,
        ...(body !== undefined && { "content-type": type }),
      },
      ...(body !== undefined && { body }),
      redirect: "manual", // the token is for this server alone
      ...(signal && { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(admin, error);
  }
  if (response.ok) return response;
  const elsewhere = redirectOf(response, admin.server + route);
  if (elsewhere !== undefined) {
    await response.body?.cancel();
    throw new RefusedError(
      `Cannot use ${admin.server}: it points to ${elsewhere}; name that with --server, if it is the server's`,
      response.status,
    );
  }
  const { code, detail, status } = await readProblem(response, Date.now()).catch((error) => {
    throw unreachable(admin, error);
  });
  if (code === "unauthorized") {
    throw new RefusedError(
      `Cannot use the administrator's token of ${admin.tokenSource}: ${admin.server} refuses it; ` +
        `use that server's own (--token-file or HAFL_ADMIN_TOKEN)`,
      status,
    );
  }
  const isSentence = response.headers.get("content-type")?.includes("problem+json");
  throw new RefusedError(isSentence ? detail : `Cannot use ${admin.server}: ${detail}`, status);
}

/** Sends a request and reads a JSON answer. */
export async function askJson<T>(admin: AdminServer, request: AdminRequest): Promise<T> {
  const response = await ask(admin, request);
  try {
    return await response.json() as T;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw unreachable(admin, error);
    throw new UserError(
      `Cannot use ${admin.server}: expected JSON at ${request.route}; is it a HAFL server?`,
    );
  }
}

/** What a failed connection is to the user. */
export function unreachable({ server }: AdminServer, error: unknown): UnreachableError {
  const reason = reasonOf(error);
  const advice = certificateAdvice(reason) ??
    "start it (deno task server), or name another with --server";
  return new UnreachableError(`Cannot reach the server at ${server}: ${reason}; ${advice}`, {
    cause: error,
  });
}
