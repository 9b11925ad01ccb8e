import type { RunStatus } from "../../../src/protocol/mod.ts";
import type { Federation, Reach } from "./federation.ts";

/** Follows a run's events until its status is as asked for; a stream that ends with its server is opened anew. */
export async function untilStatus(
  { fetch, signal }: Reach,
  { admin, run }: Pick<Federation, "admin" | "run">,
  isReached: (status: RunStatus) => boolean,
): Promise<void> {
  const headers = { authorization: `Bearer ${admin.adminToken}` };
  while (true) {
    signal.throwIfAborted();
    try {
      const response = await fetch(`/v1/runs/${run}/events`, { headers, signal });
      for await (const status of statusesOf(response.body!)) if (isReached(status)) return;
    } catch {
      // The server died; `fetch` waits for the next one.
    }
  }
}

async function* statusesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<RunStatus> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const events = (rest + text).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event);
      if (data !== null) yield JSON.parse(data[1]);
    }
  }
}
