/**
 * How long requests take, by what they are for.
 *
 * @module
 */

import type { Fetch } from "../../src/federated/remote/connection.ts";

/** What a request is for: `held` is a long poll, whose time says nothing. */
export type RequestUse = "upload" | "held" | "other";

/** Times of requests, in milliseconds. */
export interface RequestTimes {
  /** Like fetch, and measures to the last byte of the answer. */
  readonly fetch: Fetch;
  readonly times: Readonly<Record<RequestUse, number[]>>;
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** Starts to measure. */
export function createRequestTimes(): RequestTimes {
  const times: Record<RequestUse, number[]> = { upload: [], held: [], other: [] };
  const statuses = new Map<number, number>();
  return {
    times,
    statuses,
    async fetch(url, init) {
      const start = performance.now();
      const response = await fetch(url, init);
      const body = await response.arrayBuffer();
      times[useOf(url)].push(performance.now() - start);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      return new Response(body.byteLength === 0 ? null : body, response);
    },
  };
}

/** The time that a share of requests stays within. */
export function quantile(times: readonly number[], share: number): number {
  const ascending = times.toSorted((x, y) => x - y);
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? NaN;
}

function useOf(url: string): RequestUse {
  const { pathname, searchParams } = new URL(url);
  if (pathname.includes("/updates/")) return "upload";
  return searchParams.has("wait") && searchParams.get("wait") !== "0" ? "held" : "other";
}
