/** Milliseconds that timers, signals and messages can wait without anyone noticing. A turn of theirs takes one or two, as a step of a small model does. */
const LONG_WITHOUT_TASKS = 20;

/** When the thread's tasks last had a turn: however short the work between is, they have one in time. */
let last = performance.now();

/** Lets timers, signals and messages have a turn if they had none for long; to be awaited between steps, as promises alone would never give them one. */
export async function letTasksRun(): Promise<void> {
  if (performance.now() - last < LONG_WITHOUT_TASKS) return;
  await new Promise((resolve) => setTimeout(resolve, 0));
  last = performance.now();
}
