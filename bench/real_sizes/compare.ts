/**
 * Memory of a LoRA step of GPT-2's smallest model: `deno run -A bench/real_sizes/compare.ts --scratch FOLDER [--device cpu|webgpu] [--tokens 128,512,1024]
 * [--base-dtype f32,f16,int8] [--rows 1] [--threads 2]` writes a checkpoint with random weights (498 MB) to the folder, unless it is there, takes a step with
 * every combination, with and without --recompute, in a process of its own, and prints their memory. Linux only.
 */

import { parseArgs } from "node:util";
import { GPT2 } from "../../src/cli/doctor/shapes.ts";
import { runProgram } from "../harness/programs.ts";
import { type Column, formatFigure, markdownTable } from "../harness/table.ts";
import { writeCheckpoint } from "./checkpoint.ts";

const { values } = parseArgs({
  options: {
    scratch: { type: "string" },
    device: { type: "string", default: "cpu" },
    tokens: { type: "string", default: "128,512,1024" },
    "base-dtype": { type: "string", default: "f32,f16,int8" },
    rows: { type: "string", default: "1" },
    threads: { type: "string", default: "2" },
  },
});
const { scratch, device, rows, threads } = values;
if (scratch === undefined) {
  throw new RangeError("Cannot write without --scratch: expected a folder");
}
await writeCheckpoint(scratch, GPT2);

/** What the program prints, in bytes and seconds. */
interface Measured {
  readonly T: number;
  readonly baseDtype: string;
  readonly recompute: boolean;
  readonly seconds: number;
  readonly planned: Readonly<
    Record<"input" | "weight" | "state" | "output" | "activation", number>
  >;
  readonly loadedMemory: number;
  readonly peakMemory: number;
}

function measure(...flags: string[]): Promise<Measured> {
  const fixed = [
    `--model=${scratch}`,
    `--device=${device}`,
    `--rows=${rows}`,
    `--threads=${threads}`,
  ];
  return runProgram("real_sizes/training_memory.ts", [...fixed, ...flags]);
}

const measured: Measured[] = [];
for (const dtype of values["base-dtype"].split(",")) {
  for (const tokens of values.tokens.split(",")) {
    for (const recompute of [[], ["--recompute"]]) {
      measured.push(await measure(`--base-dtype=${dtype}`, `--tokens=${tokens}`, ...recompute));
    }
  }
}

const mebibytes = (bytes: number) => formatFigure(bytes / 2 ** 20);
const columns: Column[] = [
  { title: "base", align: "left" },
  { title: "T", align: "right" },
  { title: "recompute", align: "left" },
  { title: "weights", align: "right" },
  { title: "activations", align: "right" },
  { title: "the rest", align: "right" },
  { title: "peak, loaded", align: "right" },
  { title: "peak, trained", align: "right" },
  { title: "seconds a step", align: "right" },
];
const rowsOfTable = measured.map((one) => {
  const { input, weight, state, output, activation } = one.planned;
  return [
    one.baseDtype,
    String(one.T),
    one.recompute ? "yes" : "no",
    ...[weight, activation, input + state + output, one.loadedMemory, one.peakMemory].map(
      mebibytes,
    ),
    formatFigure(one.seconds),
  ];
});
console.log(markdownTable(columns, rowsOfTable));
