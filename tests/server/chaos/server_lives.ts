/**
 * One server, life after life: each dies of its fault, and the next one finds the data as it was left.
 *
 * @module
 */

import type { Fetch } from "../../../src/federated/remote/connection.ts";
import { faultName, parseFault } from "./fault.ts";
import { type FaultySettings, type ServerProcess, startServer } from "./server_process.ts";

/** Where the data lies. */
export type DataPlace = Pick<FaultySettings, "dataDir" | "url">;

/** How one life begins and, where it has a fault, ends. */
export type Life = Omit<FaultySettings, keyof DataPlace>;

/** A life for each fault, and one that does not end. */
export function livesOf(faults: readonly string[]): Life[] {
  return [...faults.map((fault) => ({ fault })), {}];
}

/** A server that comes back. */
export interface ServerLives {
  /** To whichever server lives, by route: waits for one, and fails when that one dies. */
  readonly fetch: Fetch;
  /** The same, tried again when the server dies. */
  readonly persistentFetch: Fetch;
  /** Aborted when a server ends otherwise than by its fault, or nothing moves any more. */
  readonly signal: AbortSignal;
  /** Faults that servers died of, in order. */
  readonly deaths: readonly string[];
  /** Resolves once the last life has begun. */
  readonly last: Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A life that lasts so long will not end: then a test says so instead of waiting on. */
const STUCK = 60_000;

/** Starts the first life. A server whose last life has a fault does not come back from it. */
export function liveThrough(place: DataPlace, lives: readonly Life[]): ServerLives {
  const deaths: string[] = [];
  const failed = new AbortController();
  const last = Promise.withResolvers<void>();
  let over = false;
  let gone = false;
  let stuck: ReturnType<typeof setTimeout> | undefined;
  let server = begin();

  failed.signal.addEventListener("abort", () => last.reject(failed.signal.reason));
  last.promise.catch(() => {});

  function begin(): ServerProcess {
    const { fault, ...life } = lives[deaths.length];
    const expected = fault && faultName(parseFault(fault));
    const begun = startServer({ ...place, ...life, ...(expected && { fault: expected }) });
    const fail = (what: string) => {
      const which = `Life ${deaths.length + 1} of ${lives.length}, to end at ${expected}`;
      failed.abort(new Error(`${which}, ${what}`));
    };
    stuck = setTimeout(() => fail("does not end"), STUCK);
    begun.ended.then((end) => {
      if (over) return;
      clearTimeout(stuck);
      if (end.fault === undefined || end.fault !== expected) return fail(`ended: ${end.log}`);
      deaths.push(end.fault);
      if (deaths.length < lives.length) server = begin();
      else gone = true;
    });
    if (deaths.length === lives.length - 1) begun.address.then(() => last.resolve());
    return begun;
  }

  async function alive(): Promise<{ asked: ServerProcess; address: string }> {
    for (;;) {
      failed.signal.throwIfAborted();
      if (gone) throw new Error("The server does not come back");
      const asked = server;
      const address = await asked.address;
      if (address !== undefined && asked === server) return { asked, address };
      await asked.ended;
    }
  }

  return {
    deaths,
    signal: failed.signal,
    last: last.promise,
    async fetch(route, init) {
      const { address } = await alive();
      return await fetch(address + route, init);
    },
    async persistentFetch(route, init) {
      for (;;) {
        const { asked, address } = await alive();
        try {
          const response = await fetch(address + route, { ...init, signal: failed.signal });
          const body = await response.arrayBuffer();
          return new Response(response.status === 204 ? null : body, response);
        } catch {
          await asked.ended;
        }
      }
    },
    async [Symbol.asyncDispose]() {
      if (over) return;
      over = true;
      clearTimeout(stuck);
      server.kill();
      await server.ended;
    },
  };
}
