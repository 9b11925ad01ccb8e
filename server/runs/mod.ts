/**
 * The run service: everything a server does to its database. No HTTP here, and no timers: the host calls {@linkcode beginDue}, from time to time and
 * after an update was accepted or a client withdrawn.
 *
 * Every write is one transaction named by a step of store/steps.ts. Refusals are {@linkcode ServiceError}; those of {@linkcode putChoice},
 * {@linkcode openDownload}, {@linkcode acceptUpdate} and {@linkcode recordEvaluation} that have a `reason` are already written down when they are
 * thrown, so that the caller writes down only what it refuses itself.
 *
 * @module
 */

export { audit, type AuditEntry, auditLog } from "./audit.ts";
export { bankOf, type StoredFile } from "./banks.ts";
export { setBudget } from "./budget.ts";
export { checkManifest, manifestSchema } from "./check_manifest.ts";
export { choiceBytes, putChoice } from "./choices.ts";
export { flushContacts, noteContact } from "./contacts.ts";
export { attachBank, createRun } from "./create.ts";
export { openDownload } from "./download.ts";
export { enrol, type KeyHolder, keyHolder } from "./enrol.ts";
export { recordEvaluation } from "./evaluations.ts";
export { invite, type SeatRequest } from "./invitations.ts";
export { attachModelFile, modelFile, modelFiles } from "./models.ts";
export { type Refusal, reject } from "./refusals.ts";
export { advance } from "./rounds.ts";
export {
  createService,
  type RoundAddress,
  type Service,
  ServiceError,
  type ServiceHost,
  type ServiceMemory,
  type Signed,
} from "./service.ts";
export { listRuns, manifestOf, runStatus } from "./status.ts";
export { sweep } from "./sweep.ts";
export { nextTask } from "./tasks.ts";
export { beginDue, settle, tick } from "./tick.ts";
export { acceptUpdate, type UpdateAddress } from "./updates.ts";
export { stopRun, withdraw } from "./withdraw.ts";
