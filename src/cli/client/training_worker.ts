/** Entry of the training worker. @module */

import type { Asked } from "./messages.ts";
import { trainingHost } from "./training_host.ts";

// The location of a worker that comes from a file has the origin "null" (Deno 2.9), which transformers.js takes for a base of addresses and then cannot
// be imported. A program's main thread has no location either.
Object.defineProperty(globalThis, "location", { value: undefined });

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
const answer = trainingHost((told) => scope.postMessage(told));
scope.onmessage = async ({ data }: MessageEvent<Asked>) => {
  await answer(data);
  // The device is closed by now, and every answer is sent.
  if (data.ask === "close") scope.close();
};
