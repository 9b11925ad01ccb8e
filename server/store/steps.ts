/**
 * Every durable step of the server, by name: each is one transaction, and between two of them the process may die without harm. The crash test
 * kills the server before and after the commit of each, so a step that is not listed does not compile and one that is listed is tested.
 *
 * @module
 */

/** The steps, in the order of a run. */
export const steps = [
  "migrate",
  "create-run",
  "store-chunk", // a chunk of a blob that nothing refers to yet: an upload, a bank, a model file
  "attach-bank", // the initial bank is complete: the run waits for its clients
  "attach-model-file",
  "invite",
  "enrol",
  "set-budget", // the client is ready; with the last one expected the first round opens
  "accept-choice",
  "take-download",
  "accept-update",
  "reject",
  "record-evaluation",
  "note-progress", // last contacts and progress, in batches
  "close-round", // no more updates: the round is aggregating
  "publish-round", // the next bank, and the next round or the end
  "retry-round", // quorum missed: a new sample; left alone at the deadline: its time again
  "withdraw",
  "stop-run",
  "audit", // an act that changes nothing else
  "sweep", // blobs nothing refers to, nonces past the window
  "restore",
] as const;

/** One of {@linkcode steps}. */
export type Step = typeof steps[number];
