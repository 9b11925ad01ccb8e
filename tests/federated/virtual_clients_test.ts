/** A round holds one client's memory and one update at a time, however many clients there are. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { KeepMemory, KeptMemory } from "../../src/federated/client_memory.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { encodeState } from "../../src/federated/state.ts";
import type { Aggregator } from "../../src/protocol/aggregate/mod.ts";
import { byteMemories } from "./byte_memories.ts";
import { tinyFederation, type TinySettings, withFederation } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

/** Writes down when memories are read and kept, when clients take their first step, and when updates are taken in. */
function watch(aggregator: Aggregator) {
  const log: string[] = [];
  const memories = byteMemories();
  const watched = (client: number, memory: KeptMemory): KeptMemory => ({
    ...memory,
    read() {
      log.push(`read ${client}`);
      return memory.read();
    },
  });
  const keep: KeepMemory = async (client, round, memory) => {
    log.push(`keep ${client}`);
    return watched(client, await memories.keep(client, round, memory));
  };
  const counting: Aggregator = (bank) => {
    const aggregation = aggregator(bank);
    return {
      ...aggregation,
      add(update) {
        log.push(`add ${update.client}`);
        aggregation.add(update);
      },
    };
  };
  const onStep = ({ client, step }: { client: number; step: number }) => {
    if (step === 1) log.push(`train ${client - 1}`);
  };
  return { log, memories, keep, counting, onStep };
}

const settings: TinySettings = {
  ranks: [1, 2, 4, 1, 2, 4],
  warmupRounds: 1,
  local: { rankBy: "client", optimizerState: "keep" },
};

Deno.test("runRound() takes each update in, and puts each memory away, before the next client's turn", async () => {
  const federation = await tinyFederation(settings);
  const { log, keep, counting, onStep } = watch(federation.server.aggregator);
  const server = { ...federation.server, aggregator: counting };
  await withFederation(cpu, federation, async (session) => {
    let state = await startState(federation, session);
    const turns = (read: boolean) =>
      [0, 1, 2, 3, 4, 5].flatMap((client) => [
        ...(read ? [`read ${client}`] : []),
        `train ${client}`,
        `keep ${client}`,
        `add ${client}`,
      ]);
    ({ state } = await runRound({ ...federation, server }, session, state, { onStep, keep }));
    assert.deepEqual(log, turns(false));
    log.length = 0;
    ({ state } = await runRound({ ...federation, server }, session, state, { onStep, keep }));
    // Everyone chooses its components first, by what it remembers.
    const choices = [0, 1, 2, 3, 4, 5].map((client) => `read ${client}`);
    assert.deepEqual(log, [...choices, ...turns(true)]);
  });
});

Deno.test("runRound() touches the memories of the clients that it samples alone", async () => {
  const federation = await tinyFederation({
    ...settings,
    ranks: Array.from({ length: 40 }, (_, client) => [1, 2, 4][client % 3]),
    samples: new Array(40).fill(3),
    attendance: { participation: 0.05 },
  });
  const { log, memories, keep, onStep } = watch(federation.server.aggregator);
  await withFederation(cpu, federation, async (session) => {
    let state = await startState(federation, session);
    for (let round = 1; round <= 4; round++) {
      log.length = 0;
      const before = new Map(memories.bytes);
      const next = await runRound(federation, session, state, { onStep, keep });
      const kept = log.filter((line) => line.startsWith("keep")).map((line) => line.slice(5));
      assert.equal(kept.length, 2);
      const fresh = [...memories.bytes.keys()].filter((key) => !before.has(key));
      assert.deepEqual(fresh, kept.map((client) => `${client} ${round}`));
      // What others remember is the very same.
      next.state.clients.forEach((memory, client) => {
        if (!kept.includes(String(client))) assert.equal(memory, state.clients[client]);
      });
      // And a checkpoint has the numbers of rounds for it.
      const names = [...encodeState(next.state).keys()];
      assert.deepEqual(names, ["state.json", "bank.safetensors", "best.safetensors"]);
      state = next.state;
    }
  });
});

Deno.test("runRound() can be run again from a state whose clients' memories it has kept since", async () => {
  const federation = await tinyFederation(settings);
  const memories = byteMemories();
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state } = await runRound(federation, session, start, { keep: memories.keep });
    const one = await runRound(federation, session, state, { keep: memories.keep });
    const again = await runRound(federation, session, state, { keep: memories.keep });
    assert.deepEqual(encodeState(again.state), encodeState(one.state));
  });
});
