/** Lets timers and signal handlers run: promises alone would never give them a turn. */
export function letTasksRun(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
