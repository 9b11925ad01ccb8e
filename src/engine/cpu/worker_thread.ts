/** The life of a worker of a CPU device: it is set up by one message, obeys commands in shared memory, and says when it has left. @module */

import { LEAVE } from "./control.ts";
import { createThread, type Lookup, type Thread, type ThreadSetup } from "./thread.ts";

/** What a worker tells the device. */
export type WorkerReport =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "left" };

/** What is used of a worker's global scope; whether its types are known depends on the settings of the project that imports this one. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ThreadSetup>) => void) | null;
  postMessage(value: WorkerReport): void;
  close(): void;
}

/** Makes this worker a thread of the CPU device that started it. */
export function serveThread(lookup: Lookup): void {
  const scope = self as unknown as WorkerScope;
  const report = (value: WorkerReport): void => scope.postMessage(value);
  scope.onmessage = ({ data }) => {
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
    scope.close();
  };
}
