/**
 * Server-sent events (HTML, section 9.2): the latest value only, for a reader that may be slower than the news.
 *
 * @module
 */

import { createBell } from "./bell.ts";
import type { Clock } from "./clock.ts";

/** What a stream tells. */
export interface EventSettings<Value> {
  readonly event: string;
  /** Tells every value; returns what ends that. */
  readonly follow: (tell: (value: Value) => void) => () => void;
  readonly clock: Clock;
  /** Milliseconds after which a stream without news sends a comment, so that proxies keep it open. */
  readonly heartbeatMs: number;
  /** Aborted when the stream is to end. */
  readonly ended: AbortSignal;
}

/** A stream of events. A value that is overtaken before it is read is left out. */
export function eventStream<Value>(
  { event, follow, clock, heartbeatMs, ended }: EventSettings<Value>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bell = createBell();
  let latest: { readonly value: Value } | undefined;
  let beat = () => {};
  const leave = follow((value) => {
    latest = { value };
    bell.ring();
  });
  const stop = () => {
    leave();
    beat();
    ended.removeEventListener("abort", bell.ring);
  };
  ended.addEventListener("abort", bell.ring);
  if (ended.aborted) bell.ring();

  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      beat = clock.after(heartbeatMs, bell.ring);
      await bell.rung();
      beat();
      if (ended.aborted) {
        stop();
        return controller.close();
      }
      const text = latest === undefined
        ? ": still here\n\n"
        : `event: ${event}\ndata: ${JSON.stringify(latest.value)}\n\n`;
      latest = undefined;
      controller.enqueue(encoder.encode(text));
    },
    cancel: stop,
  }, { highWaterMark: 0 });
}
