/** A run's profile as lines of at most 100 characters. @module */

import { joinRows, type KernelRow } from "../engine/profile/rows.ts";
import { deviceText } from "./device_text.ts";
import type { RunProfile } from "./profile.ts";
import { type Column, textTable } from "./run/text_table.ts";
import { countText, percentText } from "./units.ts";

/** Kernels of a smaller part of the time share a line. */
const SMALL_SHARE = 0.005;
/** Characters of a kernel's name on a line; GPU variants have long ones. */
const NAME_WIDTH = 34;

const COLUMNS: readonly Column[] = [
  { heading: "kernel" },
  { heading: "calls", right: true },
  { heading: "seconds", right: true },
  { heading: "share", right: true },
  { heading: "GFLOP/s", right: true },
  { heading: "GB/s", right: true },
  { heading: "of ceiling" },
];

/** What `train --profile` prints. */
export function profileText(profile: RunProfile): string[] {
  return [
    "",
    `Profile  ${deviceText(profile.device)}`,
    ceilingLine(profile),
    "",
    ...kernelTable(profile),
    "",
    ...timeTable(profile),
    "",
    ...remarks(profile),
  ];
}

function ceilingLine({ ceiling: { flopsPerSecond, bandwidths } }: RunProfile): string {
  const memory = bandwidths.map(({ workingSet, bytesPerSecond }, i) => {
    const where = i < bandwidths.length - 1 ? `in ${binaryText(workingSet)}` : "in memory";
    return `${rateText(bytesPerSecond)} ${where}`;
  });
  return `Ceiling  ${rateText(flopsPerSecond)} GFLOP/s; GB/s: ${memory.join(", ")}`;
}

function kernelTable({ kernels, clock, device }: RunProfile): string[] {
  const large = kernels.filter(({ share }) => share >= SMALL_SHARE);
  const small = kernels.slice(large.length);
  const rows = small.length < 2
    ? kernels
    : [...large, joinRows(`other (${small.length} kernels)`, small)];
  const threaded = device.kind === "cpu" && (device.threads ?? 1) > 1;
  const columns = threaded ? [...COLUMNS, { heading: "idle", right: true }] : COLUMNS;
  const cells = [...rows, joinRows(clock === "wall" ? "all programs" : "all kernels", kernels)]
    .flatMap((row) => {
      const [first, ...others] = nameLines(row.kernel);
      const idle = threaded ? [idleText(row)] : [];
      return [
        [first, ...numbersOf(row), ...idle],
        ...others.map((line) => [line, ...columns.slice(1).map(() => "")]),
      ];
    });
  return textTable(columns, cells);
}

function numbersOf(row: KernelRow): string[] {
  return [
    countText(row.calls),
    row.seconds.toFixed(3),
    percentText(row.share),
    row.flopsPerSecond === 0 ? "–" : rateText(row.flopsPerSecond),
    rateText(row.bytesPerSecond),
    `${percentText(row.fraction, 0).padStart(5)} ${row.bound}`,
  ];
}

function idleText({ seconds, idleSeconds }: KernelRow): string {
  return percentText(seconds === 0 ? 0 : idleSeconds / seconds, 0);
}

function timeTable({ device, seconds }: RunProfile): string[] {
  const cpu = device.kind === "cpu";
  const parts: readonly (readonly [string, number])[] = [
    ["model files, data and tokens", seconds.preparing],
    ["opening the device", seconds.opening],
    ...(cpu ? [["kernels", seconds.kernels] as const] : []),
    [cpu ? "starting runs" : "encoding", seconds.encoding],
    ...(cpu ? [] : [["submitting, waiting for room in the queue", seconds.submitting] as const]),
    ["writing buffers", seconds.writing],
    [cpu ? "reading buffers" : "reading buffers, waiting for the GPU", seconds.reading],
    ["rest of the host: batches, messages, aggregation, files", seconds.host],
    ["total", seconds.total],
  ];
  const columns = [
    { heading: "the run" },
    { heading: "seconds", right: true },
    { heading: "share", right: true },
  ];
  return textTable(
    columns,
    parts.map(([name, part]) => [name, part.toFixed(3), percentText(part / seconds.total)]),
  );
}

function remarks({ device, clock, seconds, programs, kernels }: RunProfile): string[] {
  const lines: string[] = [];
  const threads = device.threads ?? 1;
  if (device.kind === "cpu") {
    if (threads > 1 && kernels.length > 0) {
      lines.push(
        `The ${threads} threads waited for one another for ` +
          `${percentText(seconds.idle / seconds.kernels)} of the kernels' time ("idle").`,
      );
    }
  } else if (clock === "wall") {
    lines.push(
      "This adapter has no timestamps: times are by the wall, a program at a time, kernels unknown.",
    );
  } else {
    const share = seconds.kernels / (seconds.total - seconds.preparing - seconds.opening);
    lines.push(`The GPU was in kernels for ${percentText(share)} of the time since it was opened.`);
  }
  for (const { program, step } of programs) {
    if (step === undefined) continue;
    const ratio = step.encodeSeconds / step.gpuSeconds;
    lines.push(
      `A run of "${program}": ${secondsText(step.encodeSeconds)} to encode, ` +
        `${secondsText(step.gpuSeconds)} on the GPU, ratio ${ratio.toFixed(3)}`,
    );
  }
  return lines;
}

/** A name in lines that fit; what does not fit on the first is indented. */
function nameLines(name: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of name.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= NAME_WIDTH || line === "") line = longer;
    else {
      lines.push(line);
      line = `  ${word}`;
    }
  }
  return [...lines, line];
}

/** A time with three significant digits: "1.25 s", "12.5 ms", "830 µs". */
function secondsText(seconds: number): string {
  if (seconds >= 0.9995) return `${significant(seconds)} s`;
  if (seconds >= 0.0009995) return `${significant(1e3 * seconds)} ms`;
  return `${significant(1e6 * seconds)} µs`;
}

function significant(value: number): string {
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}

/** Operations or bytes a second, in thousand millions. */
function rateText(perSecond: number): string {
  const rate = perSecond / 1e9;
  return rate >= 999.95 ? countText(rate) : rate.toFixed(1);
}

function binaryText(bytes: number): string {
  return bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 10} KiB`;
}
