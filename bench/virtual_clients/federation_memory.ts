/**
 * A simulated federation whose clients rank for themselves and keep their optimizer, and the memory it took: `deno run -A
 * bench/virtual_clients/federation_memory.ts --clients 1000 [--sampled 50] [--rounds 40] [--in-process]`. Prints a line of JSON. With --in-process what
 * clients remember stays in memory, instead of files. Peak memory needs Linux.
 */

import { parseArgs } from "node:util";
import * as hafl from "../../mod.ts";
import { readCount } from "../harness/arguments.ts";
import { readPeakMemory } from "../harness/machine.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "50" },
    sampled: { type: "string", default: "50" },
    rounds: { type: "string", default: "40" },
    "in-process": { type: "boolean", default: false },
  },
});
const clients = readCount("clients", values.clients);
const sampled = readCount("sampled", values.sampled);
const rounds = readCount("rounds", values.rounds);

const config = hafl.completeRunConfig({
  ...{ clients, participation: sampled / clients, rounds, stragglers: 0.1 },
  ...{ rankBy: "client", optimizerState: "keep", partition: "iid" },
  ...{ localSteps: 1, batch: 2, seqLen: 8, buckets: [8], threads: 1, evalTest: false },
});
const { federation } = await hafl.prepareFederation({
  config,
  files: hafl.builtInBase(),
  // The same rows, however many clients share them.
  data: hafl.builtinCorpus(1, { train: 2000, validation: 64, test: 1 }),
  createTokenizer: hafl.createTokenizer,
});
const folder = await Deno.makeTempDir({ prefix: "hafl-clients-" });
const memories = hafl.clientMemories(folder);
const session = await hafl.openSession(federation, { device: "cpu", threads: 1 });
let state = await hafl.startState(federation, session);
for (let round = 0; round < rounds; round++) {
  const keep = values["in-process"] ? hafl.keepInMemory : memories.keep;
  ({ state } = await hafl.runRound(federation, session, state, { keep }));
  await memories.removeOthers(hafl.memoriesOf(state));
}
await session.executor.close();
await Deno.remove(folder, { recursive: true });

const remembering = state.clients.filter((memory) => memory !== undefined).length;
const peakMemory = readPeakMemory(await Deno.readTextFile("/proc/self/status").catch(() => ""));
console.log(JSON.stringify({ clients, sampled, rounds, remembering, peakMemory }));
