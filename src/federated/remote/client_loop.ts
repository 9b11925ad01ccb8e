/**
 * A client from the moment it has a rank to the end of its run: asks for a task, does it, asks again.
 *
 * Whatever it must not forget is in its store before it matters, so that it can be ended at any point: a finished update is delivered at the next
 * start, not trained again.
 *
 * @module
 */

import type { AnyEvaluationReport, ClientTask } from "../../protocol/http/documents.ts";
import { fetchBank, nextTask } from "./api.ts";
import { type ClientJob, RoundFailure } from "./client_job.ts";
import { isFinal } from "./refusals.ts";
import { RemoteProblem } from "./remote_problem.ts";
import { choose, deliverPending, takePart } from "./round_task.ts";
import { scoreOnce } from "./score_bank.ts";

/** Seconds that the server may keep a question open while there is nothing to do. */
const LONG_POLL = 25;

/** Milliseconds before a task is looked at again that did not go well. */
const SECOND_LOOK = 10_000;

/** Milliseconds that an open question takes at least. */
const PATIENCE = 1000;

/** How a run ended for a client. */
export type ClientEnd =
  /** All rounds are done. */
  | {
    readonly kind: "finished";
    readonly rounds: number;
    /** The final bank, encoded. */
    readonly bank: Uint8Array<ArrayBuffer>;
    readonly heldOut: AnyEvaluationReport | undefined;
  }
  /** The run was stopped. */
  | { readonly kind: "stopped"; readonly rounds: number };

/**
 * Takes part in a run until it ends.
 *
 * @throws RemoteProblem when the server does not want this client any more.
 * @throws the signal's reason when the connection's signal is aborted.
 */
export async function runClient(job: ClientJob): Promise<ClientEnd> {
  const { connection, seat: { run, client } } = job;
  const pause = (milliseconds: number) => connection.sleep(milliseconds, connection.signal);
  await deliverPending(job);
  let wait = 0; // the first answer at once: it tells whether there is anything to do
  let told: string | undefined;
  let passed: string | undefined;
  for (;;) {
    const asked = connection.now();
    const task = await nextTask(connection, run, client, wait);
    switch (task.kind) {
      case "wait":
        if (told !== task.reason) job.onEvent({ kind: "waiting", reason: task.reason });
        told = task.reason;
        // A server that shuts down lets go of open questions at once.
        if (wait > 0 && connection.now() - asked < PATIENCE) await pause(PATIENCE);
        wait = LONG_POLL;
        continue;
      case "finished":
        return await finish(job, task.rounds);
      case "stopped":
        return task;
    }
    told = undefined;
    wait = LONG_POLL;
    if (passed === keyOf(task)) {
      await pause(SECOND_LOOK);
      // A training that failed would fail again on the same numbers.
      if (task.kind !== "train") passed = undefined;
      continue;
    }
    passed = await perform(job, task) ? undefined : keyOf(task);
  }
}

type Work = Exclude<ClientTask, { kind: "wait" | "finished" | "stopped" }>;

/** Does a task. @returns whether it is worth being asked again at once. */
async function perform(job: ClientJob, task: Work): Promise<boolean> {
  try {
    switch (task.kind) {
      case "choose":
        await choose(job, task);
        return true;
      case "train":
        return await takePart(job, task);
      case "evaluate": {
        const { connection, seat: { run }, manifest: { layout } } = job;
        await scoreOnce(job, task.rounds, async () => {
          return { kind: "bank", bytes: await fetchBank(connection, run, task.rounds, layout) };
        });
        return false;
      }
    }
  } catch (error) {
    if (error instanceof RoundFailure && "round" in task) {
      job.onEvent({ kind: "failed", round: task.round, why: error.message });
      return false;
    }
    // The round closed meanwhile, the bank was replaced, the run ended: the next task tells.
    if (error instanceof RemoteProblem && !isFinal(error)) return false;
    throw error;
  }
}

async function finish(job: ClientJob, rounds: number): Promise<ClientEnd> {
  const bank = await fetchBank(job.connection, job.seat.run, rounds, job.manifest.layout);
  const heldOut = await scoreOnce(job, rounds, () => {
    return Promise.resolve({ kind: "bank", bytes: bank });
  });
  return { kind: "finished", rounds, bank, heldOut };
}

/** Tells one task from another. */
function keyOf(task: Work): string {
  return task.kind === "evaluate"
    ? `evaluate ${task.rounds}`
    : `${task.kind} ${task.round} ${task.attempt}`;
}
