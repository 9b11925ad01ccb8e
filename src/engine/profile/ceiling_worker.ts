/** Entry of the workers that measure a processor's ceiling beside the calling thread. @module */

import { LEAVE, openControl } from "../cpu/control.ts";
import { type CeilingSetup, ceilingThread } from "./cpu_ceiling.ts";

/** What is used of a worker's global scope. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<CeilingSetup>) => void) | null;
  postMessage(value: "ready" | "left"): void;
  close(): void;
}

const scope = self as unknown as WorkerScope;
scope.onmessage = ({ data }) => {
  const control = openControl(data.memory, 0, data.threads);
  const perform = ceilingThread(data);
  scope.postMessage("ready");
  for (;;) {
    const command = control.nextCommand();
    if (command === LEAVE) break;
    perform(command);
    control.barrier();
  }
  scope.postMessage("left");
  scope.close();
};
