/** A client's part in a round: choose, download, score, train, upload; safe against an end at any point. @module */

import { toBase64url } from "../../protocol/http/base64url.ts";
import type { RoundTask } from "../../protocol/http/documents.ts";
import { chooseComponents } from "../../protocol/deal.ts";
import { encodeChoice } from "../../protocol/messages/mod.ts";
import { scopedSelections } from "../../protocol/method.ts";
import { selectorOf } from "../../protocol/selection.ts";
import {
  fetchBank,
  fetchDownload,
  putChoice,
  putProgress,
  putUpdate,
  type RoundAddress,
} from "./api.ts";
import type { ClientJob, OnTrainerStep } from "./client_job.ts";
import { keepPending, type PendingUpdate, readPending } from "./pending_update.ts";
import { isFinal } from "./refusals.ts";
import { RemoteProblem } from "./remote_problem.ts";
import { recallBefore, remember } from "./round_memory.ts";
import { scoreOnce } from "./score_bank.ts";

/** Milliseconds between two words on how far a round is. */
const PROGRESS_EVERY = 3000;

/** Sends the components that the client wants to train, by its own scores. */
export async function choose(job: ClientJob, task: RoundTask): Promise<void> {
  const { manifest: { layout, seed, method }, seat: { run, client }, store } = job;
  const { round, rank } = task;
  const { scores } = await recallBefore(store, round);
  const chosen = chooseComponents(layout, { client, rank }, round, scores, {
    selector: selectorOf(method.selection, method.temperature),
    scope: scopedSelections[method.scope],
    seed,
  });
  const { bytes } = encodeChoice(layout, chosen, { run, round, client });
  await putChoice(job.connection, addressOf(job, task), new Uint8Array(bytes));
}

/** Takes part in a round. @returns whether the update was accepted. */
export async function takePart(job: ClientJob, task: RoundTask): Promise<boolean> {
  const { connection, manifest, seat, store, trainer, onEvent } = job;
  const { round, attempt } = task;
  const started = connection.now();
  onEvent({ kind: "started", round, attempt });
  const download = await fetchDownload(connection, addressOf(job, task), manifest.layout);
  let down = download.length;
  const heldOut = await scoreOnce(job, round, async () => {
    if (manifest.method.method !== "truncate") return { kind: "download", bytes: download };
    const bank = await fetchBank(connection, seat.run, round, manifest.layout);
    down += bank.length;
    return { kind: "bank", bytes: bank };
  });
  const { update, losses, memory } = await trainer.round(
    download,
    await recallBefore(store, round),
    progressTeller(job, task),
  );
  const pending = { id: newUpdateId(), round, attempt, update, memory };
  await keepPending(store, pending);
  const accepted = await deliver(job, pending);
  if (accepted) {
    const seconds = (connection.now() - started) / 1000;
    onEvent({ kind: "round", round, losses, heldOut, up: update.length, down, seconds });
  }
  return accepted;
}

/** Delivers what an earlier start has trained. */
export async function deliverPending(job: ClientJob): Promise<void> {
  const pending = await readPending(job.store);
  if (pending === undefined) return;
  const { round } = pending;
  if (await deliver(job, pending)) job.onEvent({ kind: "delivered", round });
}

/** Sends an update until the server has it or does not want it. */
async function deliver(job: ClientJob, pending: PendingUpdate): Promise<boolean> {
  const { connection, store, onEvent } = job;
  const { id, round, update, memory } = pending;
  try {
    await putUpdate(connection, addressOf(job, pending), id, update);
  } catch (error) {
    if (!(error instanceof RemoteProblem) || isFinal(error)) throw error;
    await store.remove("pending.safetensors");
    onEvent({ kind: "dropped", round, why: error.detail });
    return false;
  }
  // Before the update is forgotten: an end in between sends it again, and comes by here again.
  await remember(store, round, memory);
  await store.remove("pending.safetensors");
  return true;
}

/** Tells the page how a round goes: now and then, one word at a time, and without a care whether it arrives. */
function progressTeller({ connection, seat, onEvent }: ClientJob, task: RoundTask): OnTrainerStep {
  const { round, attempt } = task;
  let last = -Infinity;
  let underway = false;
  return (step, steps) => {
    const progress = { round, attempt, step, steps };
    onEvent({ kind: "step", ...progress });
    const now = connection.now();
    if (underway || now - last < PROGRESS_EVERY) return;
    [last, underway] = [now, true];
    putProgress(connection, seat.run, seat.client, progress)
      .catch(() => {})
      .finally(() => underway = false);
  };
}

function addressOf(
  { seat: { run, client } }: ClientJob,
  { round, attempt }: Pick<RoundTask, "round" | "attempt">,
): RoundAddress {
  return { run, client, round, attempt };
}

function newUpdateId(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(16)));
}
