import type { Clock } from "./clock.ts";
import type { PaceLimits } from "./limits.ts";
import { patienceFor } from "./pace.ts";

/** How a body is sent. */
export interface SendSettings {
  readonly pace: PaceLimits;
  readonly clock: Clock;
  /** Told of the bytes that go out. */
  readonly onSent: (bytes: number) => void;
  /** Told once when no more will, however it ended; what the body was made from is not held any longer. */
  readonly onEnd: () => void;
}

/** Bytes that are handed over at a time. */
const SLICE = 64 * 1024;

/** A body that is made as its reader takes it, and given up on when that is too slow. */
export function pacedBody(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { pace, clock, onSent, onEnd }: SendSettings,
): ReadableStream<Uint8Array> {
  let source: AsyncGenerator<Uint8Array> | undefined = slicesOf(pieces);
  let sent = 0;
  let waited = 0;
  let callOff = () => {};

  function end(): void {
    if (source === undefined) return;
    callOff();
    // A slice may be in the making; what it is made from is left after it.
    source.return(undefined).catch(() => {});
    source = undefined;
    onEnd();
  }

  /** Waits for the reader to ask for more. @returns what it says then. */
  function watch(controller: ReadableStreamDefaultController<Uint8Array>): () => void {
    const from = clock.now();
    const tooSlow = () => {
      end();
      controller.error(`Cannot wait any longer for the reader of a body: it has ${sent} bytes`);
    };
    const done = clock.after(Math.max(0, patienceFor(pace, sent, waited)), tooSlow);
    return () => {
      done();
      waited += Math.max(0, clock.now() - from);
    };
  }

  return new ReadableStream<Uint8Array>({
    start(controller) {
      callOff = watch(controller);
    },
    async pull(controller) {
      callOff();
      try {
        const { done, value } = await source!.next();
        if (source === undefined) return; // its reader left meanwhile
        if (done) {
          end();
          return controller.close();
        }
        sent += value.length;
        onSent(value.length);
        controller.enqueue(value);
        callOff = watch(controller);
      } catch (error) {
        end();
        throw error;
      }
    },
    cancel: end,
  }, { highWaterMark: 0 });
}

async function* slicesOf(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length; start += SLICE) {
      yield piece.subarray(start, start + SLICE);
    }
  }
}
