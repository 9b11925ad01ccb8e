/**
 * The server's routes as functions: what a client sends and gets, once it is signed, retried and checked. Web APIs only.
 *
 * All of them throw {@linkcode RemoteProblem} when the server says no, and wait while it cannot be reached.
 *
 * @module
 */

import type { AdapterLayout } from "../../protocol/bank.ts";
import type {
  AcceptedUpdate,
  AnyEvaluationReport,
  Budget,
  ClientTask,
  Enrolled,
  Enrolment,
  Progress,
  SettledBudget,
} from "../../protocol/http/documents.ts";
import { largestBody } from "../../protocol/layout_size.ts";
import {
  acceptedForm,
  enrolledForm,
  type ModelFileEntry,
  modelFilesForm,
  settledForm,
  taskForm,
} from "./answer_forms.ts";
import { type Connection, send } from "./connection.ts";
import {
  checked,
  confusing,
  getJson,
  parseJson,
  sendJson,
  tell,
  tellJson,
} from "./json_requests.ts";

/** An attempt at a round, by one client. */
export interface RoundAddress {
  readonly run: string;
  readonly round: number;
  readonly attempt: number;
  readonly client: number;
}

const safetensors = "application/octet-stream";

/** Most bytes of a manifest, which names every module, and of a list of files: far above what a server takes. */
const MOST_DOCUMENT = 16 * 2 ** 20;

/** The run's manifest, unchecked. */
export async function fetchManifest(connection: Connection, run: string): Promise<unknown> {
  const body = await send(connection, {
    what: `read the manifest of run ${run}`,
    method: "GET",
    route: `${runRoute(run)}/manifest`,
    most: MOST_DOCUMENT,
  });
  return parseJson(body, connection.server);
}

/** The encoded bank after some rounds. `onTry` is told when a try begins, so that the transfer can be timed. */
export async function fetchBank(
  connection: Connection,
  run: string,
  rounds: number | "latest",
  layout: AdapterLayout,
  onTry: () => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  return await send(connection, {
    what: `fetch the adapter of run ${run}`,
    method: "GET",
    route: `${runRoute(run)}/banks/${rounds}`,
    onTry,
    most: largestBody(layout),
  });
}

/** Takes a seat. The same key gets the same answer again. */
export async function enrol(
  connection: Connection,
  run: string,
  enrolment: Enrolment,
): Promise<Enrolled> {
  return await sendJson(
    connection,
    {
      what: `join run ${run}`,
      method: "POST",
      route: `${runRoute(run)}/enrolments`,
    },
    enrolment,
    enrolledForm,
  );
}

/** Says what the client can do, and gets its rank. */
export async function setBudget(
  connection: Connection,
  run: string,
  client: number,
  budget: Budget,
): Promise<SettledBudget> {
  return await sendJson(
    connection,
    {
      what: `settle the rank in run ${run}`,
      method: "PUT",
      route: `${runRoute(run)}/clients/${client}/budget`,
    },
    budget,
    settledForm,
  );
}

/** Asks what to do, and waits up to `wait` seconds for something. */
export async function nextTask(
  connection: Connection,
  run: string,
  client: number,
  wait: number,
): Promise<ClientTask> {
  return await getJson(connection, {
    what: `ask run ${run} what to do`,
    route: `${runRoute(run)}/clients/${client}/task?wait=${wait}`,
    patient: 1000 * wait,
  }, taskForm);
}

/** Says how far a round is. Not tried again: the next word makes up for it. */
export async function putProgress(
  connection: Connection,
  run: string,
  client: number,
  progress: Progress,
): Promise<void> {
  await tellJson(connection, {
    what: `report progress to run ${run}`,
    method: "PUT",
    route: `${runRoute(run)}/clients/${client}/progress`,
    once: true,
  }, progress);
}

/** Sends the components that the client wants to train, encoded. */
export async function putChoice(
  connection: Connection,
  address: RoundAddress,
  body: Uint8Array<ArrayBuffer>,
): Promise<void> {
  await tell(connection, {
    what: `choose components in round ${address.round + 1}`,
    method: "PUT",
    route: `${roundRoute(address)}/choices/${address.client}?attempt=${address.attempt}`,
    type: safetensors,
    body,
  });
}

/** What the client holds and trains in a round, encoded. */
export async function fetchDownload(
  connection: Connection,
  address: RoundAddress,
  layout: AdapterLayout,
): Promise<Uint8Array<ArrayBuffer>> {
  return await send(connection, {
    what: `take part in round ${address.round + 1}`,
    method: "GET",
    route: `${roundRoute(address)}/downloads/${address.client}?attempt=${address.attempt}`,
    most: largestBody(layout),
  });
}

/** Sends an encoded update. The same id and bytes may be sent again: the server counts them once. */
export async function putUpdate(
  connection: Connection,
  address: RoundAddress,
  id: string,
  body: Uint8Array<ArrayBuffer>,
): Promise<AcceptedUpdate> {
  const query = `attempt=${address.attempt}&client=${address.client}`;
  const answer = await send(connection, {
    what: `deliver the update of round ${address.round + 1}`,
    method: "PUT",
    route: `${roundRoute(address)}/updates/${id}?${query}`,
    type: safetensors,
    body,
  });
  const accepted = checked(parseJson(answer, connection.server), acceptedForm, connection);
  if (accepted.update === id) return accepted;
  throw confusing(connection, `a receipt of update ${id}`, accepted.update);
}

/** Reports the score of a published bank. */
export async function putEvaluation(
  connection: Connection,
  run: string,
  client: number,
  report: AnyEvaluationReport,
): Promise<void> {
  await tellJson(connection, {
    what: `report the score after round ${report.rounds}`,
    method: "PUT",
    route: `${runRoute(run)}/evaluations/${client}`,
  }, report);
}

/** Sends bytes that the server throws away, to time the link; `onTry` is told when a try begins. */
export async function probe(
  connection: Connection,
  body: Uint8Array<ArrayBuffer>,
  onTry: () => void = () => {},
): Promise<void> {
  await tell(connection, {
    what: "measure the link",
    method: "POST",
    route: "/v1/probe",
    type: safetensors,
    body,
    onTry,
  });
}

/** The files that the server has of a base model. */
export async function listModelFiles(
  connection: Connection,
  hash: string,
): Promise<ModelFileEntry[]> {
  return await getJson(connection, {
    what: "list the files of the base model",
    route: `/v1/models/${hash}/files`,
    most: MOST_DOCUMENT,
  }, modelFilesForm);
}

/** Streams a file of a base model into `consume`, from its start again when the connection is cut. */
export async function fetchModelFile(
  connection: Connection,
  hash: string,
  path: string,
  consume: (body: ReadableStream<Uint8Array>) => Promise<unknown>,
): Promise<void> {
  await send(connection, {
    what: `download "${path}" of the base model`,
    method: "GET",
    route: `/v1/models/${hash}/files/${path.split("/").map(encodeURIComponent).join("/")}`,
    consume,
  });
}

function runRoute(run: string): string {
  return `/v1/runs/${encodeURIComponent(run)}`;
}

function roundRoute({ run, round }: RoundAddress): string {
  return `${runRoute(run)}/rounds/${round}`;
}
