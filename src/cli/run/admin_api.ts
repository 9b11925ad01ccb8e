/** The server's routes for administrators, as functions. @module */

import type {
  Invitation,
  RunStatus,
  RunSummaryStatus,
  SeatRole,
} from "../../protocol/http/documents.ts";
import type { RunManifest } from "../../protocol/manifest.ts";
import type { ByteFile } from "../../weights/mod.ts";
import { type AdminServer, ask, askJson, RefusedError, unreachable } from "./admin_server.ts";

/** Creates a run from its manifest; it is a draft until its bank is there. @returns its id. */
export async function createRun(admin: AdminServer, manifest: RunManifest): Promise<string> {
  const { run } = await askJson<{ run: string }>(admin, {
    method: "POST",
    route: "/v1/runs",
    json: manifest,
  });
  return run;
}

/** Uploads a run's initial bank, encoded. */
export async function putBank(
  admin: AdminServer,
  run: string,
  bank: Uint8Array,
): Promise<void> {
  const body = new Uint8Array(bank);
  await finish(await ask(admin, { method: "PUT", route: `${runRoute(run)}/bank`, body }));
}

/** A seat to invite someone to: a client's own, or a new evaluator's. */
export interface InvitedSeat {
  readonly role: SeatRole;
  /** The client's index; left out for an evaluator. */
  readonly client?: number;
}

/** Makes invitations; without seats, for every client seat that nobody has taken yet. Earlier ones for a seat become void. */
export async function invite(
  admin: AdminServer,
  run: string,
  seats?: readonly InvitedSeat[],
): Promise<Invitation[]> {
  const json = seats === undefined ? {} : { seats };
  return await askJson(admin, { method: "POST", route: `${runRoute(run)}/invitations`, json });
}

/** All runs. */
export async function listRuns(admin: AdminServer): Promise<RunSummaryStatus[]> {
  return await askJson(admin, { method: "GET", route: "/v1/runs" });
}

/** One run. */
export async function runStatus(admin: AdminServer, run: string): Promise<RunStatus> {
  return await askJson(admin, { method: "GET", route: runRoute(run) });
}

/** A run's manifest. */
export async function manifestOf(admin: AdminServer, run: string): Promise<RunManifest> {
  return await askJson(admin, { method: "GET", route: `${runRoute(run)}/manifest` });
}

/** The encoded bank after some rounds. */
export async function bankOf(
  admin: AdminServer,
  run: string,
  rounds: number | "latest",
): Promise<Uint8Array> {
  const response = await ask(admin, { method: "GET", route: `${runRoute(run)}/banks/${rounds}` });
  try {
    return await response.bytes();
  } catch (error) {
    throw unreachable(admin, error);
  }
}

/** Opens the stream of a run's changes. */
export async function openEvents(
  admin: AdminServer,
  run: string,
  signal: AbortSignal,
): Promise<Response> {
  return await ask(admin, { method: "GET", route: `${runRoute(run)}/events`, signal });
}

/** Ends a run where it is. */
export async function stopRun(admin: AdminServer, run: string): Promise<void> {
  await finish(await ask(admin, { method: "POST", route: `${runRoute(run)}/stop` }));
}

/** Shuts a client out of a run. */
export async function withdrawClient(
  admin: AdminServer,
  run: string,
  client: number,
): Promise<void> {
  const route = `${runRoute(run)}/clients/${client}/withdraw`;
  await finish(await ask(admin, { method: "POST", route }));
}

/** Files of a model that the server has, with their sizes; none when it has none. */
export async function modelFiles(
  admin: AdminServer,
  hash: string,
): Promise<{ readonly path: string; readonly size: number }[]> {
  try {
    return await askJson(admin, { method: "GET", route: `/v1/models/${hash}/files` });
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return [];
    throw error;
  }
}

/** Bytes of a model file that are in memory at a time. */
const PIECE = 1024 * 1024;

/** Uploads a file of a model, piece by piece. */
export async function putModelFile(
  admin: AdminServer,
  hash: string,
  path: string,
  file: ByteFile,
): Promise<void> {
  const total = await file.size();
  let done = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (done === total) return controller.close();
      const piece = await file.read(done, Math.min(PIECE, total - done));
      done += piece.length;
      controller.enqueue(piece);
    },
  });
  const segments = path.split("/").map(encodeURIComponent).join("/");
  const route = `/v1/models/${hash}/files/${segments}`;
  await finish(await ask(admin, { method: "PUT", route, body }));
}

function runRoute(run: string): string {
  return `/v1/runs/${encodeURIComponent(run)}`;
}

/** An answer whose body does not matter. */
async function finish(response: Response): Promise<void> {
  await response.body?.cancel();
}
