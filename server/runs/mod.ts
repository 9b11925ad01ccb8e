/**
 * The run service: everything a server does to its database. No HTTP here, and no timers: the host calls {@linkcode tick}.
 *
 * Every write is one transaction named by a step of store/steps.ts. Refusals are {@linkcode ServiceError}; those with a `reason` are already
 * written to the run's rejects and the audit log when they are thrown, so the caller records only what it refuses itself.
 *
 * @module
 */

import type {
  AcceptedUpdate,
  Budget,
  ClientTask,
  Enrolled,
  Enrolment,
  EvaluationReport,
  Invitation,
  Progress,
  RejectReason,
  RunStatus,
  RunSummaryStatus,
  SeatRole,
  SeatState,
  SettledBudget,
} from "../../src/protocol/http/documents.ts";
import type { RunManifest } from "../../src/protocol/manifest.ts";
import type { MessageSizes } from "../../src/protocol/messages/mod.ts";
import type { BlobWriter } from "../store/blobs.ts";
import type { RoundAddress, Service, Signed } from "./service.ts";

export {
  createService,
  type RoundAddress,
  type Service,
  ServiceError,
  type ServiceHost,
  type Signed,
} from "./service.ts";

/** Whoever holds a key. */
export interface KeyHolder {
  readonly run: string;
  readonly client: number;
  readonly role: SeatRole;
  /** `withdrawn`: its requests are refused. */
  readonly state: SeatState;
  /** Raw Ed25519 key, base64url. */
  readonly publicKey: string;
}

/** A seat to invite for; without `client` the first one nobody was invited for. */
export interface SeatRequest {
  readonly role: SeatRole;
  readonly client?: number;
}

/** A refused message. */
export interface Refusal {
  /** The client's index; null where the sender is not known. */
  readonly client: number | null;
  /** The round the message named; null where it named none. */
  readonly round: number | null;
  readonly reason: RejectReason;
  /** In a sentence. */
  readonly detail: string;
}

/** A stored file: stream it with `streamBlob(service.db, blob)`. */
export interface StoredFile {
  readonly blob: string;
  readonly size: number;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
}

/** An entry of the audit log. */
export interface AuditEntry {
  readonly id: number;
  readonly time: number;
  readonly actor: string;
  readonly act: string;
  readonly run: string | null;
  readonly detail: string;
}

const soon = (): never => {
  throw new Error("not here yet");
};

/** Checks what came as a manifest; throws ServiceError `malformed`. */
export const checkManifest: (value: unknown) => RunManifest = soon;
/** The most bytes a bank or a client's message of this run can have, so that no larger body need be read. */
export const largestBody: (manifest: RunManifest) => number = soon;

export const createRun: (
  service: Service,
  manifest: unknown,
  actor: string,
) => Promise<string> = soon;
/** Takes the upload over: it is finished or abandoned. The same bank again is fine. */
export const attachBank: (service: Service, run: string, upload: BlobWriter) => Promise<void> =
  soon;
export const invite: (
  service: Service,
  run: string,
  actor: string,
  seats?: readonly SeatRequest[],
) => Promise<Invitation[]> = soon;
export const keyHolder: (service: Service, keyId: string) => Promise<KeyHolder | undefined> = soon;
export const enrol: (
  service: Service,
  run: string,
  enrolment: Enrolment,
  signed: Signed,
) => Promise<Enrolled> = soon;
export const setBudget: (
  service: Service,
  run: string,
  client: number,
  budget: Budget,
  signed: Signed,
) => Promise<SettledBudget> = soon;
export const nextTask: (service: Service, run: string, client: number) => Promise<ClientTask> =
  soon;
export const putChoice: (
  service: Service,
  run: string,
  address: RoundAddress,
  bytes: Uint8Array,
  signed: Signed,
) => Promise<void> = soon;
export const openDownload: (
  service: Service,
  run: string,
  address: RoundAddress,
) => Promise<{ bytes: Uint8Array; sizes: MessageSizes }> = soon;
/** Takes the upload over: it is finished or abandoned. Call {@linkcode tick} (or {@linkcode advance} with this run) after it. */
export const acceptUpdate: (
  service: Service,
  run: string,
  address: RoundAddress & { readonly update: string },
  upload: BlobWriter,
  signed: Signed,
) => Promise<AcceptedUpdate> = soon;
/** Writes down a message that the caller refused; `run` is null where it named none that exists. */
export const reject: (service: Service, run: string | null, refusal: Refusal) => Promise<void> =
  soon;
export const recordEvaluation: (
  service: Service,
  run: string,
  client: number,
  report: EvaluationReport,
  signed: Signed,
) => Promise<void> = soon;
/** Remembers a sign of life; {@linkcode flushContacts} writes it. */
export const noteContact: (
  service: Service,
  run: string,
  client: number,
  progress?: Progress,
) => void = soon;
export const flushContacts: (service: Service) => Promise<void> = soon;
/** All that is due in all runs; throws the first error after every run had its turn. */
export const tick: (service: Service) => Promise<void> = soon;
/** All that is due in one run. */
export const advance: (service: Service, run: string) => Promise<void> = soon;
export const withdraw: (
  service: Service,
  run: string,
  client: number,
  actor: string,
) => Promise<void> = soon;
export const stopRun: (service: Service, run: string, actor: string) => Promise<void> = soon;
export const runStatus: (service: Service, run: string) => Promise<RunStatus> = soon;
/** Newest first. */
export const listRuns: (service: Service) => Promise<RunSummaryStatus[]> = soon;
/** Revisions by run, of runs that have not ended: how a process hears of the others' changes. */
export const revisions: (service: Service) => Promise<Map<string, number>> = soon;
export const manifestOf: (service: Service, run: string) => Promise<RunManifest> = soon;
export const bankOf: (
  service: Service,
  run: string,
  rounds: number | "latest",
) => Promise<StoredFile & { rounds: number }> = soon;
export const modelFiles: (
  service: Service,
  hash: string,
) => Promise<{ path: string; size: number }[]> = soon;
export const modelFile: (service: Service, hash: string, path: string) => Promise<StoredFile> =
  soon;
/** Takes the upload over: it is finished or abandoned. The same file again is fine. */
export const attachModelFile: (
  service: Service,
  hash: string,
  path: string,
  upload: BlobWriter,
) => Promise<void> = soon;
/** Newest first. */
export const auditLog: (service: Service, limit: number) => Promise<AuditEntry[]> = soon;
export const audit: (
  service: Service,
  actor: string,
  act: string,
  run: string | null,
  detail: string,
) => Promise<void> = soon;
