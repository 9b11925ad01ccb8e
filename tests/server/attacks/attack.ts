/**
 * What the fuzzers work with.
 *
 * @module
 */

import type { ClientKey } from "../../../src/federated/remote/client_key.ts";
import { turn } from "../http/fake_clock.ts";
import type { TestApp } from "../http/support.ts";
import type { Tally } from "./judge.ts";

/** Those who attack, and those they may harm. */
export interface Attack {
  /** A key that nobody enrolled. */
  readonly stranger: ClientKey;
  /** Somebody who was invited to a run that has not begun. */
  readonly newcomer: { readonly key: ClientKey; readonly run: string; readonly token: string };
  /** A run that the administrator may harm. */
  readonly victim: string;
  readonly tally: Tally;
  readonly seed: number;
  /** Requests of each kind. */
  readonly count: number;
}

/** Sends a request; a long poll is waited for by letting time pass. */
export async function answerTo(test: TestApp, route: string, init: RequestInit): Promise<Response> {
  const answer = test.fetch(route, init);
  if (!/\/task\b/.test(route)) return await answer;
  let answered = false;
  const done = answer.finally(() => answered = true);
  while (!answered) {
    await turn();
    if (!answered) await test.clock.advance(60_000);
  }
  return await done;
}
