/**
 * The status of runs as it changes, worked out once for all who follow a run.
 *
 * @module
 */

import type { RunStatus } from "../../src/protocol/http/documents.ts";
import { runStatus } from "../runs/mod.ts";
import type { AppDeps } from "./parts.ts";

/** Called with the status as it stands, and with every later one that differs from the one before. */
export type StatusListener = (status: RunStatus) => void;

/** Follows runs. */
export interface StatusFeeds {
  /** Follows a run, which exists, until the returned function is called. */
  follow(run: string, listener: StatusListener): () => void;
}

/** Makes feeds that nobody follows yet. */
export function createStatusFeeds(deps: FeedDeps): StatusFeeds {
  const feeds = new Map<string, Feed>();
  return {
    follow(run, listener) {
      const feed = feeds.get(run) ?? startFeed(deps, run);
      feeds.set(run, feed);
      feed.add(listener);
      return () => {
        if (!feed.remove(listener) || feeds.get(run) !== feed) return;
        feed.stop();
        feeds.delete(run);
      };
    },
  };
}

type FeedDeps = Pick<AppDeps, "service" | "watch" | "clock" | "limits" | "log">;

interface Feed {
  add(listener: StatusListener): void;
  /** @returns whether nobody is left. */
  remove(listener: StatusListener): boolean;
  stop(): void;
}

function startFeed({ service, watch, clock, limits, log }: FeedDeps, run: string): Feed {
  /** With what each was told last; "" before the first time. */
  const told = new Map<StatusListener, string>();
  let lookedAt = -Infinity;
  let looking = false;
  let again = false;
  let stopped = false;
  let callOff = () => {};

  async function look(): Promise<void> {
    // One at a time, so that none overtakes another.
    again = looking;
    if (looking) return;
    looking = true;
    lookedAt = clock.now();
    try {
      const status = await runStatus(service, run);
      // The server's clock is no news.
      const content = JSON.stringify({ ...status, serverTime: 0 });
      for (const [listener, before] of [...told]) {
        if (before === content) continue;
        told.set(listener, content);
        listener(status);
      }
    } catch (error) {
      log("error", "status not read", { run, error: String(error) });
    }
    looking = false;
    // Contacts and progress change without a revision.
    lookIn(again ? limits.eventMs : limits.softEventMs);
  }

  function lookIn(milliseconds: number): void {
    callOff();
    if (!stopped) callOff = clock.after(milliseconds, () => void look());
  }

  const leave = watch.subscribe(run, "revision", () => {
    lookIn(Math.max(0, lookedAt + limits.eventMs - clock.now()));
  });
  return {
    add(listener) {
      told.set(listener, "");
      lookIn(0);
    },
    remove(listener) {
      told.delete(listener);
      return told.size === 0;
    },
    stop() {
      stopped = true;
      leave();
      callOff();
    },
  };
}
