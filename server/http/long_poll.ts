import { createBell } from "./bell.ts";
import type { AppDeps } from "./parts.ts";

/** What somebody waits for. */
export interface LongPoll<Answer> {
  readonly run: string;
  /** How long at most. */
  readonly milliseconds: number;
  /** What there is now. */
  readonly ask: () => Promise<Answer>;
  /** Whether it is worth an answer at once. */
  readonly isNews: (answer: Answer) => boolean;
  /** Aborted when nobody reads the answer any more. */
  readonly gone: AbortSignal;
}

/** Asks until there is news, the time is up, the caller has gone or the server is about to end; returns the last answer. */
export async function longPoll<Answer>(
  { watch, clock, draining }: Pick<AppDeps, "watch" | "clock" | "draining">,
  { run, milliseconds, ask, isNews, gone }: LongPoll<Answer>,
): Promise<Answer> {
  const bell = createBell();
  let over = milliseconds <= 0 || draining.aborted || gone.aborted;
  const end = () => {
    over = true;
    bell.ring();
  };
  // Before the first question, so that no change falls in between.
  const leave = watch.subscribe(run, "phase", bell.ring);
  const callOff = clock.after(milliseconds, end);
  draining.addEventListener("abort", end);
  gone.addEventListener("abort", end);
  try {
    let answer = await ask();
    while (!isNews(answer) && !over) {
      await bell.rung();
      // With the time up there is no use in asking once more: a change would have rung.
      if (!over) answer = await ask();
    }
    return answer;
  } finally {
    leave();
    callOff();
    draining.removeEventListener("abort", end);
    // Before the answer is sent: Deno aborts the signal of every request that is over, and a listener then is a leak.
    gone.removeEventListener("abort", end);
  }
}
