import { ProblemError } from "./problems.ts";
import type { Limits } from "./limits.ts";

/** Bounds how many bodies are received at a time. */
export interface UploadSlots {
  /**
   * Takes a slot.
   *
   * @param owner whose body it is; one owner gets only some of the slots.
   * @returns what gives it back.
   * @throws {ProblemError} `busy` when there is none.
   */
  take(owner: string): () => void;
}

/**
 * Makes slots that are all free.
 *
 * @param random uniform in [0, 1): those who are sent away do not all come back at once.
 */
export function createUploadSlots(
  { uploads, uploadsPerClient }: Pick<Limits, "uploads" | "uploadsPerClient">,
  random: () => number,
): UploadSlots {
  const byOwner = new Map<string, number>();
  let taken = 0;
  return {
    take(owner) {
      const own = byOwner.get(owner) ?? 0;
      if (taken >= uploads || own >= uploadsPerClient) {
        const seconds = 1 + Math.floor(4 * random());
        const whose = taken >= uploads ? `${taken} uploads` : `${own} uploads of this sender`;
        throw new ProblemError(
          "busy",
          `Cannot take the body now: ${whose} are in progress; try again in ${seconds} s`,
          { headers: { "retry-after": String(seconds) } },
        );
      }
      taken++;
      byOwner.set(owner, own + 1);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        taken--;
        const left = byOwner.get(owner)! - 1;
        if (left === 0) byOwner.delete(owner);
        else byOwner.set(owner, left);
      };
    },
  };
}
