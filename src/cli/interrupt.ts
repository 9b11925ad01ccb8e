/** Ctrl-C and SIGTERM: the run ends at the next step, with a word on how to go on. @module */

/** The user asked to stop. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
}

/** Exit code of a command ended by Ctrl-C, as shells have it: 128 + SIGINT. */
export const interruptedCode = 130;

/** Listens until disposed. */
export interface Interrupt extends Disposable {
  /** Aborted, with an InterruptedError, once a signal has come. */
  readonly signal: AbortSignal;
  /** @throws InterruptedError once a signal has come. */
  check(): void;
}

/** Starts listening. A second signal ends the process at once. */
export function onInterrupt(message: () => string): Interrupt {
  // Windows knows no SIGTERM.
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const controller = new AbortController();
  const stop = () => {
    for (const signal of signals) Deno.removeSignalListener(signal, listener);
  };
  const listener = () => {
    stop();
    controller.abort(new InterruptedError(message()));
  };
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return {
    signal: controller.signal,
    check() {
      if (controller.signal.aborted) throw new InterruptedError(message());
    },
    [Symbol.dispose]() {
      if (!controller.signal.aborted) stop();
    },
  };
}
