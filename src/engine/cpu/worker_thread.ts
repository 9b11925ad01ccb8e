/** The life of a worker of a CPU device: it is set up by one message, obeys commands in shared memory, and says when it has left. @module */

import { LEAVE } from "./control.ts";
import { createThread, type Lookup, type Thread, type ThreadSetup } from "./thread.ts";

/** What a worker tells the device. */
export type WorkerReport =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "left" };

/** Makes this worker a thread of the CPU device that started it. */
export function serveThread(lookup: Lookup): void {
  const report = (value: WorkerReport): void => self.postMessage(value);
  self.onmessage = ({ data }: MessageEvent<ThreadSetup>) => {
    let thread: Thread;
    try {
      thread = createThread(data, lookup);
    } catch (error) {
      report({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
      return;
    }
    report({ kind: "ready" });
    for (;;) {
      const command = thread.control.nextCommand();
      if (command === LEAVE) break;
      thread.run(command);
    }
    report({ kind: "left" });
    self.close();
  };
}
