/**
 * What a client that is not sampled costs: `deno run -A bench/virtual_clients/compare.ts [--rounds 40]` simulates 50 of 50 and 50 of 1,000 clients, each
 * federation in a process of its own, and prints their peak memory; then 50 of 1,000 whose memories stay in the process, for comparison. Linux only.
 */

import { runProgram } from "../harness/programs.ts";
import { type Column, formatFigure, markdownTable, NOTHING } from "../harness/table.ts";

/** What the program prints. */
interface Measured {
  readonly clients: number;
  readonly sampled: number;
  readonly remembering: number;
  readonly peakMemory?: number;
}

function measure(...flags: string[]): Promise<Measured> {
  return runProgram("virtual_clients/federation_memory.ts", [...flags, ...Deno.args]);
}

const subjects = [
  { where: "files", measured: await measure("--clients=50") },
  { where: "files", measured: await measure("--clients=1000") },
  { where: "the process", measured: await measure("--clients=1000", "--in-process") },
];
const { peakMemory: least } = subjects[0].measured;
const columns: Column[] = [
  { title: "clients", align: "right" },
  { title: "sampled", align: "right" },
  { title: "remember something", align: "right" },
  { title: "what they remember lies in", align: "left" },
  { title: "peak MiB", align: "right" },
  { title: "ratio", align: "right" },
];
const rows = subjects.map(({ where, measured }) => {
  const { clients, sampled, remembering, peakMemory } = measured;
  return [
    ...[clients, sampled, remembering].map(String),
    where,
    peakMemory === undefined ? NOTHING : formatFigure(peakMemory / 2 ** 20),
    peakMemory === undefined || least === undefined ? NOTHING : formatFigure(peakMemory / least),
  ];
});
console.log(markdownTable(columns, rows));
