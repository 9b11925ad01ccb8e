/** The training worker as the client's loop sees it. @module */

import {
  type OnTrainerStep,
  RoundFailure,
  type Trainer,
} from "../../federated/remote/client_job.ts";
import { UserError } from "../../protocol/errors.ts";
import type { Preparation } from "../progress.ts";
import type {
  Answers,
  Asked,
  Failure,
  OpenedClient,
  OpenRequest,
  Question,
  Questions,
  Told,
} from "./messages.ts";

/** A trainer in a thread of its own. */
export interface WorkerTrainer extends Trainer {
  /** Loads the data and the model, and opens the device. To be called first. */
  open(request: OpenRequest): Promise<OpenedClient>;
  /** Seconds of a training step. */
  measure(): Promise<number>;
  /** Ends what is under way, frees the device and ends the worker. A process must not exit before it: a driver's threads would be torn down under it. */
  close(): Promise<void>;
}

/** The part of a Worker that is used. */
export interface WorkerLike {
  postMessage(message: Asked): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<Told>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** What is heard of a worker beside its answers. */
export interface WorkerListener {
  note(text: string): void;
  prepare(preparation: Preparation): void;
}

/**
 * Puts a worker to use.
 *
 * @param signal when it is aborted, what was asked rejects with its reason; the worker is still to be closed.
 */
export function workerTrainer(
  worker: WorkerLike,
  listener: WorkerListener,
  signal: AbortSignal,
): WorkerTrainer {
  const open = new Map<Question, PromiseWithResolvers<never>>();
  let onStep: OnTrainerStep = () => {};
  let broken: Error | undefined;
  worker.onmessage = ({ data: told }) => {
    switch (told.kind) {
      case "answer":
        open.get(told.to)?.resolve(told.value as never);
        return;
      case "failed":
        open.get(told.to)?.reject(errorOf(told.failure));
        return;
      case "step":
        return onStep(told.step, told.steps);
      case "prepare":
        return listener.prepare(told.preparation);
      case "note":
        return listener.note(told.text);
      default:
        told satisfies never;
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    broken = new Error(`The training worker failed: ${event.message}`);
    for (const { reject } of open.values()) reject(broken);
  };

  const ask = async <Name extends Question>(
    name: Name,
    given: Questions[Name],
  ): Promise<Answers[Name]> => {
    if (broken) throw broken;
    const answer = Promise.withResolvers<Answers[Name]>();
    open.set(name, answer as unknown as PromiseWithResolvers<never>);
    worker.postMessage({ ask: name, with: given });
    return await answer.promise.finally(() => open.delete(name));
  };
  /** An answer, unless the client is to end before it comes. */
  const askUnlessEnded = async <Name extends Question>(name: Name, given: Questions[Name]) => {
    signal.throwIfAborted();
    const ended = Promise.withResolvers<never>();
    const end = () => ended.reject(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    const answer = ask(name, given);
    answer.catch(() => {}); // may fail when nobody waits for it any more
    return await Promise.race([answer, ended.promise])
      .finally(() => signal.removeEventListener("abort", end));
  };

  return {
    open: (request) => askUnlessEnded("open", request),
    measure: () => askUnlessEnded("measure", undefined),
    evaluate: (model) => askUnlessEnded("evaluate", model),
    round(download, memory, listen) {
      onStep = listen;
      return askUnlessEnded("round", { download, memory }).finally(() => onStep = () => {});
    },
    async close() {
      // What fails here would hide why the client ends, and goes with the worker.
      await ask("close", undefined).catch(() => {});
      worker.terminate();
    },
  };
}

function errorOf({ kind, message, stack }: Failure): Error {
  switch (kind) {
    case "user":
      return new UserError(message);
    case "round":
      return new RoundFailure(message);
    case "closed":
    case "fault": {
      const error = new Error(message);
      if (stack !== undefined) error.stack = stack;
      return error;
    }
    default:
      return kind satisfies never;
  }
}
