/** Ctrl-C and SIGTERM: the run ends at the next step, with a word on how to go on. @module */

/** The user asked to stop. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
}

/** Exit code of a command ended by Ctrl-C, as shells have it: 128 + SIGINT. */
export const interruptedCode = 130;

/** Listens until disposed. */
export interface Interrupt extends Disposable {
  /** @throws InterruptedError once a signal has come. */
  check(): void;
}

/** Starts listening. A second signal ends the process at once. */
export function onInterrupt(message: () => string): Interrupt {
  // Windows knows no SIGTERM.
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  let interrupted = false;
  const stop = () => {
    for (const signal of signals) Deno.removeSignalListener(signal, listener);
  };
  const listener = () => {
    interrupted = true;
    stop();
  };
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return {
    check() {
      if (interrupted) throw new InterruptedError(message());
    },
    [Symbol.dispose]() {
      if (!interrupted) stop();
    },
  };
}
