/** Which refusals end a client. @module */

import type { RemoteProblem } from "./remote_problem.ts";

/**
 * Whether a refusal is of the client itself, not of what it asked for: nothing it could do next would go better. So is an answer that is not the
 * server's own: what a proxy's page says of an update must not cost the update.
 */
export function isFinal({ code, unexplained }: RemoteProblem): boolean {
  if (unexplained) return true;
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
