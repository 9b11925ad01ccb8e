/** Milliseconds that timers, signals and messages can wait without anyone noticing. A turn of theirs takes one or two, as a step of a small model does. */
const LONG_WITHOUT_TASKS = 20;

/** A function to await between steps: it lets timers, signals and messages have a turn if they had none for long. Promises alone would never give them one. */
export function taskTurns(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < LONG_WITHOUT_TASKS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
