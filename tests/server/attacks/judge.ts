/**
 * What every answer to an attack must be.
 *
 * @module
 */

import assert from "node:assert/strict";
import { problemType } from "../../../src/protocol/http/problem.ts";

/** Counts answers by status. */
export type Tally = Map<number, number>;

/** Asserts that an answer is one of a server that is well, and counts it; `attack` is told where it is not. */
export async function judge(response: Response, attack: unknown, tally: Tally): Promise<void> {
  const { status, headers } = response;
  tally.set(status, (tally.get(status) ?? 0) + 1);
  if (status < 400) return await response.body?.cancel();
  const text = await response.text();
  const told = () => `${status} ${text} to ${describe(attack)}`;
  assert.ok(status < 500 || status === 503, told());
  assert.equal(headers.get("content-type"), problemType, told());
  assert.ok(headers.has("x-request-id"), told());
  // The answer to HEAD has no body to be checked.
  if (text === "") return assert.equal(headOf(attack), "HEAD", told());
  const problem = JSON.parse(text);
  assert.match(problem.type, /^urn:hafl:problem:[a-z-]+$/, told());
  assert.equal(problem.status, status, told());
  assert.ok(problem.title.length > 0 && problem.detail.length > 0, told());
  // Nothing of the server's inside: neither stack nor file nor statement.
  assert.doesNotMatch(text, /\.ts:\d|\n? {4}at |node:|SELECT |INSERT /, told());
}

function headOf(attack: unknown): unknown {
  return (attack as { method?: unknown }).method;
}

function describe(attack: unknown): string {
  return JSON.stringify(
    attack,
    (_, value) => value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
  ).slice(0, 3000);
}

/** The counts in a line, by status. */
export function tallyLine(tally: Tally): string {
  return [...tally].sort(([x], [y]) => x - y).map(([status, count]) => `${status}: ${count}`)
    .join(", ");
}
