/** Which refusals end a client. @module */

import type { RemoteProblem } from "./remote_problem.ts";

/** Whether a refusal is of the client itself, not of what it asked for: nothing it could do next would go better. */
export function isFinal({ code }: RemoteProblem): boolean {
  switch (code) {
    case "unauthorized":
    case "bad-signature":
    case "clock-skew":
    case "withdrawn":
    case "bad-invitation":
      return true;
    default:
      return false;
  }
}
