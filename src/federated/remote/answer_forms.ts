/** What a server's documents must be before a client goes by them: a server may be of another version, or a page of somebody in between. @module */

import type {
  AcceptedUpdate,
  ClientTask,
  Enrolled,
  SettledBudget,
} from "../../protocol/http/documents.ts";
import { MAX_RANK } from "../../protocol/layout_size.ts";

/** The form of a document. */
export interface AnswerForm<Answer> {
  /** What it is, as it follows "expected " in an error. */
  readonly expected: string;
  /** Whether a value is one. */
  fits(value: unknown): value is Answer;
}

/** A file of a base model, as the server lists it. */
export interface ModelFileEntry {
  /** Relative to the model's folder. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** The seat that an invitation gave. */
export const enrolledForm: AnswerForm<Enrolled> = {
  expected: "a seat",
  fits: (value): value is Enrolled =>
    isRecord(value) && isCount(value.client) &&
    (value.role === "client" || value.role === "evaluator"),
};

/** The rank that was settled. */
export const settledForm: AnswerForm<SettledBudget> = {
  expected: "a rank",
  fits: (value): value is SettledBudget => isRecord(value) && isRank(value.rank),
};

/** What to do. */
export const taskForm: AnswerForm<ClientTask> = {
  expected: "a task",
  fits(value): value is ClientTask {
    if (!isRecord(value)) return false;
    switch (value.kind as ClientTask["kind"]) {
      case "wait":
        return value.reason === "clients" || value.reason === "round";
      case "choose":
      case "train":
        return isCount(value.round) && isCount(value.attempt) && isRank(value.rank);
      case "evaluate":
      case "finished":
      case "stopped":
        return isCount(value.rounds);
      default:
        return false;
    }
  },
};

/** The receipt of an update. */
export const acceptedForm: AnswerForm<AcceptedUpdate> = {
  expected: "a receipt of the update",
  fits: (value): value is AcceptedUpdate =>
    isRecord(value) && typeof value.update === "string" && typeof value.repeated === "boolean",
};

/** The files of a base model. */
export const modelFilesForm: AnswerForm<ModelFileEntry[]> = {
  expected: "a list of files",
  fits: (value): value is ModelFileEntry[] =>
    Array.isArray(value) &&
    value.every((file) => isRecord(file) && typeof file.path === "string" && isCount(file.size)),
};

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRank(value: unknown): boolean {
  return isCount(value) && (value as number) <= MAX_RANK;
}
