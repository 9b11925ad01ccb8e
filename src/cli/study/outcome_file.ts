/** Reading a run's result back from its file. @module */

import { UserError } from "../../protocol/errors.ts";
import { type FailedRun, type StudyRun, studyRunKind } from "../../study/result.ts";
import { resultFault } from "../../study/result_shape.ts";

/**
 * The result in a file; undefined where there is none.
 *
 * @throws UserError naming the entry, when the file is not whole or is not a run's result.
 */
export async function readOutcome(path: string): Promise<StudyRun | FailedRun | undefined> {
  const value = await readJson(path);
  if (value === undefined) return undefined;
  const fault = resultFault(value);
  if (fault === undefined) return value as StudyRun | FailedRun;
  throw notAResult(path, fault);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof SyntaxError) throw notAResult(path, "it is not valid JSON");
    if (error instanceof Deno.errors.IsADirectory) throw notAResult(path, "it is a folder");
    throw error;
  }
}

function notAResult(path: string, fault: string): UserError {
  return new UserError(
    `Cannot read "${path}" as the result of a run (${studyRunKind}): ${fault}; remove it to run ` +
      `it again`,
  );
}
