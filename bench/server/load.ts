/**
 * A server under load: `deno task bench:server` runs 50 and then 1,000 made-up clients for 10 rounds against a server of its own, over sockets of
 * this machine, and tells whether anything was lost and how much memory the server took. Flags: `--clients 50,1000`, `--rounds 10`,
 * `--out FILE` for the figures as JSON. Reads /proc, so Linux only.
 */

import { parseArgs } from "node:util";
import { readCount } from "../harness/arguments.ts";
import { type LoadResult, loadRun } from "./load_run.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "50,1000" },
    rounds: { type: "string", default: "10" },
    out: { type: "string" },
  },
});

const rounds = readCount("rounds", values.rounds);
const sizes = values.clients.split(",").map((text) => readCount("clients", text));
const results: LoadResult[] = [];
for (const clients of sizes) {
  results.push(await loadRun({ clients, rounds, joining: 50 }));
}

const MB = (bytes: number) => Number((bytes / 2 ** 20).toFixed(1));
const ms = (milliseconds: number) => Number(milliseconds.toFixed(1));
console.table(Object.fromEntries(results.map((result) => [`${result.clients} clients`, {
  "updates": result.accepted,
  "lost": result.clients * result.rounds - result.aggregated,
  "seconds": ms(result.seconds),
  "requests": result.requests,
  "p50 ms": ms(result.p50),
  "p99 ms": ms(result.p99),
  "upload p99 ms": ms(result.uploadP99),
  "server CPU s": result.serverCpuSeconds,
  "start MiB": MB(result.memoryAtStart),
  "peak MiB": MB(result.memoryPeak),
}])));
const peaks = results.map(({ memoryPeak }) => memoryPeak);
const memoryRatio = peaks[peaks.length - 1] / peaks[0];
console.log(`memory, last to first: ${memoryRatio.toFixed(2)}`);
if (values.out !== undefined) {
  await Deno.writeTextFile(values.out, `${JSON.stringify({ memoryRatio, results }, null, 2)}\n`);
}

const lost = results.some((result) =>
  result.accepted !== result.clients * result.rounds || result.aggregated !== result.accepted
);
if (lost) {
  console.error("Updates were lost");
  Deno.exit(1);
}
