/** What a pretraining tells while it runs: a bar on a terminal, plain lines elsewhere, JSON lines for programs. @module */

import type { Bar } from "../progress_bar.ts";
import { chooseReporter, type WriteLine } from "../progress.ts";
import { bytesText, countText, durationText } from "../units.ts";
import type { Metric } from "./folder.ts";

/** How far the corpus has been read, e.g. to tokenize it. */
export interface ReadingProgress {
  readonly label: string;
  readonly documents: number;
  /** Bytes read of the files as they lie on the disk. */
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Receives a pretraining's events in order. */
export interface PretrainReporter {
  /** Something worth a line. */
  note(text: string): void;
  read(progress: ReadingProgress): void;
  /** The steps begin, after `done` others of `steps` in all. */
  start(done: number, steps: number): void;
  /** `taken` steps have been taken in all; the loss is the latest known, in nats. */
  step(taken: number, loss: number | undefined): void;
  metric(metric: Metric): void;
  /** Ends what is still drawn; call it also when the pretraining fails. */
  close(): void;
}

/** The reporter for where the output goes. */
export function createPretrainReporter(format: "text" | "json"): Promise<PretrainReporter> {
  return chooseReporter(format, {
    json: jsonPretrainReporter,
    lines: linePretrainReporter,
    bar: barPretrainReporter,
  });
}

/** One JSON object a line, told apart by `type`: note, read (once a pass begins), start, metric. */
export function jsonPretrainReporter(write: WriteLine): PretrainReporter {
  const emit = (type: string, event: object): void => write(JSON.stringify({ type, ...event }));
  let reading = "";
  return {
    note: (text) => emit("note", { text }),
    read({ label, totalBytes }) {
      if (label !== reading) emit("read", { label, totalBytes });
      reading = label;
    },
    start: (done, steps) => emit("start", { done, steps }),
    step() {},
    metric: (metric) => emit("metric", metric),
    close() {},
  };
}

/** Plain lines: one a pass over the corpus, one a metric. */
export function linePretrainReporter(write: WriteLine): PretrainReporter {
  let reading = "";
  let steps = 0;
  return {
    note: (text) => write(text),
    read({ label, totalBytes }) {
      if (label !== reading) write(`${label} (${bytesText(totalBytes)})`);
      reading = label;
    },
    start: (_done, given) => steps = given,
    step() {},
    metric: (metric) => write(metricLine(metric, steps)),
    close() {},
  };
}

/** A bar under the lines of linePretrainReporter: of bytes while the corpus is read, then of steps. */
export function barPretrainReporter(write: WriteLine, bar: Bar): PretrainReporter {
  const lines = linePretrainReporter((line) => bar.above(() => write(line)));
  let reading = "";
  let before = 0;
  let steps = 0;
  return {
    ...lines,
    read({ label, documents, bytes, totalBytes }) {
      if (label !== reading) bar.start(totalBytes);
      reading = label;
      bar.update(bytes, `${label} · ${countText(documents)} documents`);
    },
    start(done, given) {
      lines.start(done, given);
      [before, steps] = [done, given];
      bar.start(steps - done);
    },
    step(taken, loss) {
      const latest = loss === undefined ? "" : ` · loss ${loss.toFixed(3)}`;
      bar.update(taken - before, `step ${countText(taken)}/${countText(steps)}${latest}`);
    },
    close: () => bar.stop(),
  };
}

/** A metric as one line; columns keep their places. */
function metricLine(
  { step, loss, validationLoss, learningRate, tokensPerSecond, seconds }: Metric,
  steps: number,
): string {
  const total = countText(steps);
  return [
    `step ${countText(step).padStart(total.length)}/${total}`,
    `loss ${loss.toFixed(3)}`,
    `rate ${learningRate.toExponential(1)}`,
    `${countText(tokensPerSecond)} tokens/s`,
    durationText(seconds),
    ...(validationLoss === undefined ? [] : [`held out ${validationLoss.toFixed(3)}`]),
  ].join("  ");
}
