// @ts-check
/// <reference lib="dom" />
/**
 * Requests to this server's API. The session's cookie travels by itself.
 *
 * @module
 */

/** A request that the server refused, or with status 0 one that did not reach it. */
export class RequestError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} one that succeeded
 * @throws {RequestError}
 */
export async function request(path, init) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new RequestError(0, "Cannot reach the server: is it running?");
  }
  if (response.ok) return response;
  /** @type {Partial<import("../../src/protocol/http/problem.ts").Problem>} */
  const problem = await response.json().catch(() => ({}));
  throw new RequestError(
    response.status,
    problem.detail ?? `The server answered ${path} with status ${response.status}`,
  );
}

/** @returns {Promise<readonly import("../../src/protocol/http/documents.ts").RunSummaryStatus[]>} */
export async function listRuns() {
  return await (await request("/v1/runs")).json();
}

/**
 * Opens a session: the server sets a cookie that scripts cannot read.
 *
 * @param {string} token the administrator's
 * @throws {RequestError}
 */
export async function signIn(token) {
  // Other characters cannot be sent in a header, or are not of a token.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new RequestError(401, "Cannot sign in: that is not a token");
  }
  await request("/v1/session", { method: "POST", headers: { authorization: `Bearer ${token}` } });
}

/**
 * Ends the session.
 *
 * @throws {RequestError} and the session goes on.
 */
export async function signOut() {
  await request("/v1/session", { method: "DELETE" });
}
