/** Reading a run's result back from its file. @module */

import { UserError } from "../../protocol/errors.ts";
import { type FailedRun, type StudyRun, studyRunKind } from "../../study/result.ts";

/**
 * The result in a file; undefined where there is none.
 *
 * @throws UserError when the file is not whole, or is not a run's result.
 */
export async function readOutcome(path: string): Promise<StudyRun | FailedRun | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (isOutcome(value)) return value;
  throw new UserError(
    `Cannot read "${path}": expected the result of a run (${studyRunKind}); remove the file to ` +
      `run it again`,
  );
}

function isOutcome(value: unknown): value is StudyRun | FailedRun {
  if (typeof value !== "object" || value === null) return false;
  const run = value as Partial<StudyRun & FailedRun>;
  const named = run.kind === studyRunKind && typeof run.cell === "string" &&
    typeof run.method === "string" && Number.isSafeInteger(run.seed) &&
    typeof run.config === "object" && run.config !== null &&
    typeof run.data === "string" && typeof run.model === "string";
  if (!named) return false;
  if (typeof run.failed === "string") return true;
  return Array.isArray(run.rounds) && run.rounds.length > 0 &&
    run.rounds.length === run.summary?.final?.round && typeof run.facts === "object" &&
    Number.isFinite(run.summary.final.accuracy) && Number.isFinite(run.summary.best?.accuracy);
}
