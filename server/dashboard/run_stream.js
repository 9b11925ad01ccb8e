// @ts-check
/// <reference lib="dom" />
/**
 * A run's status as it changes.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */
/** @typedef {"connecting" | "live" | "reconnecting"} Connection */

/**
 * @typedef {object} Listener
 * @property {(status: RunStatus) => void} onStatus
 * @property {(connection: Connection) => void} onConnection
 * @property {(status: number) => void} onRefused with the HTTP status, when asking again would not help
 */

/**
 * What the stream needs of its surroundings.
 *
 * @typedef {object} Surroundings
 * @property {(url: string) => EventSource} open
 * @property {(url: string) => Promise<number>} probe the status a plain request gets; 0 when none arrives
 * @property {(act: () => void, milliseconds: number) => () => void} later returns what calls it off
 */

const longestWait = 30_000;

/**
 * Follows a run until the returned function is called.
 *
 * A browser resumes a stream that ends, but gives up on one that is refused, as when a proxy answers for a server that
 * restarts; a plain request then tells whether to ask again.
 *
 * @param {string} run
 * @param {Listener} listener
 * @param {Surroundings} surroundings
 * @returns {() => void}
 */
export function followRun(run, listener, surroundings) {
  const address = `/v1/runs/${encodeURIComponent(run)}`;
  let closed = false;
  let wait = 1000;
  let callOff = () => {};
  /** @type {EventSource | undefined} */
  let source;

  const connect = () => {
    const opened = surroundings.open(`${address}/events`);
    source = opened;
    opened.addEventListener("status", (event) => {
      wait = 1000;
      listener.onConnection("live");
      listener.onStatus(JSON.parse(event.data));
    });
    opened.addEventListener("error", () => {
      if (closed) return;
      listener.onConnection("reconnecting");
      if (opened.readyState === 2) retry();
    });
  };
  const retry = async () => {
    const status = await surroundings.probe(address);
    if (closed) return;
    if (status === 401 || status === 403 || status === 404) return listener.onRefused(status);
    callOff = surroundings.later(connect, wait);
    wait = Math.min(2 * wait, longestWait);
  };

  listener.onConnection("connecting");
  connect();
  return () => {
    closed = true;
    source?.close();
    callOff();
  };
}

/** @type {Surroundings} */
export const browserSurroundings = {
  open: (url) => new EventSource(url),
  probe: (url) => fetch(url).then(({ status }) => status, () => 0),
  later(act, milliseconds) {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  },
};
