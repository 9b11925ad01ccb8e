import { durationText } from "./units.ts";

/** A progress bar on the last line of a terminal. */
export interface Bar {
  /** Begins anew with `total` units of work. */
  start(total: number): void;
  update(done: number, text: string): void;
  /** Runs `write` with the bar out of the way, and draws it again. */
  above(write: () => void): void;
  stop(): void;
}

/** The part of cli-progress that is used here; the package has no types of its own. */
interface SingleBar {
  start(total: number, value: number, payload: { text: string; left: string }): void;
  update(value: number, payload: { text: string; left: string }): void;
  stop(): void;
}

/** Opens a bar on stderr. Loads cli-progress. */
export async function openBar(): Promise<Bar> {
  const { default: package_ }: {
    default: {
      SingleBar: new (options: Record<string, unknown>, preset: unknown) => SingleBar;
      Presets: Record<string, unknown>;
    };
  } = await import("cli-progress");
  const single = new package_.SingleBar({
    format: "{bar} {percentage} % · {text}{left}",
    barsize: 24,
    fps: 8,
    hideCursor: true,
    clearOnComplete: true,
    // Ending cleanly on Ctrl-C is the run's part.
    gracefulExit: false,
  }, package_.Presets.shades_classic);

  let running = false;
  let total = 0;
  let done = 0;
  let began = 0;
  let text = "";
  const payload = (): { text: string; left: string } => {
    // The package's own estimate looks at the latest updates only and jumps between client and evaluation.
    const seconds = (Date.now() - began) / 1000;
    const left = done > 0 && seconds > 2
      ? ` · ${durationText(seconds / done * (total - done))} left`
      : "";
    return { text, left };
  };
  const stop = (): void => {
    if (running) single.stop();
    running = false;
  };
  return {
    start(given) {
      stop();
      [total, done, began, text] = [given, 0, Date.now(), ""];
      single.start(total, 0, payload());
      running = true;
    },
    update(given, words) {
      [done, text] = [given, words];
      if (running) single.update(done, payload());
    },
    above(write) {
      if (!running) return write();
      single.stop();
      write();
      single.start(total, done, payload());
    },
    stop,
  };
}
