/** Entry of the training worker. @module */

import type { Asked } from "./messages.ts";
import { trainingHost } from "./training_host.ts";

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
const answer = trainingHost((told) => scope.postMessage(told));
scope.onmessage = async ({ data }: MessageEvent<Asked>) => {
  await answer(data);
  // The device is closed by now, and every answer is sent.
  if (data.ask === "close") scope.close();
};
