/** A client that trains and scores texts for a made-up server. */

import { createKey, openKey } from "../../../src/federated/remote/client_key.ts";
import type { ClientEvent, ClientJob, Trainer } from "../../../src/federated/remote/client_job.ts";
import { type ClientEnd, runClient } from "../../../src/federated/remote/client_loop.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { connectionTo, fetchOf, type Handler } from "./fake_server.ts";
import { memoryStore } from "./memory_store.ts";

const key = await openKey(await createKey());

const layout = {
  rank: 4,
  modules: [{ name: "q_proj", inFeatures: 3, outFeatures: 2 }],
  head: [],
};

/** A manifest, as far as the loop looks at it. */
export const manifest = {
  layout,
  seed: 1,
  method: { method: "freeze", selection: "greedy", temperature: 1, scope: "module" },
} as unknown as RunManifest;

/** A trainer whose numbers are texts: what was trained on what, after how many rounds of memory. */
export function textTrainer(trained: string[] = [], scored: string[] = []): Trainer {
  const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return {
    evaluate({ kind, bytes }) {
      scored.push(`${kind}: ${read(bytes)}`);
      return Promise.resolve({ rows: 10, correct: 4, loss: 7.5 });
    },
    round(download, { scores = [new Float64Array(4)] }, onStep) {
      trained.push(read(download));
      onStep(1, 2);
      onStep(2, 2);
      const grown = scores.map((values) => values.map((value, i) => value + i + 1));
      return Promise.resolve({
        update: new TextEncoder().encode(`${read(download)} after scores ${scores[0]}`),
        losses: Float64Array.of(2, 1),
        memory: { scores: grown },
      });
    },
  };
}

interface Played {
  readonly end: ClientEnd;
  readonly events: ClientEvent[];
}

/** A client of a made-up server: its job, and what it does and waits for. */
export function jobFor(
  handler: Handler,
  changes: Partial<ClientJob> & { readonly role?: "client" | "evaluator" } = {},
): { job: ClientJob; events: ClientEvent[]; slept: number[] } {
  const events: ClientEvent[] = [];
  const connection = connectionTo(key, fetchOf(key, handler));
  const job = {
    connection,
    seat: { run: "run", client: 0, role: changes.role ?? "client" as const },
    manifest,
    store: memoryStore(),
    trainer: textTrainer(),
    heldOutRows: 10,
    onEvent: (event: ClientEvent) => void events.push(event),
    ...changes,
  };
  return { job, events, slept: connection.slept };
}

/** Runs a client to its end. */
export async function play(...given: Parameters<typeof jobFor>): Promise<Played> {
  const { job, events } = jobFor(...given);
  return { end: await runClient(job), events };
}

/** The updates of a run that nothing disturbs: scores grow by 1 to 4 a round. */
export const UNDISTURBED = [
  "download 0 after scores 0,0,0,0",
  "download 1 after scores 1,2,3,4",
  "download 2 after scores 2,4,6,8",
];
