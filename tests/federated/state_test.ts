/** A run that was saved and read back goes on as if nothing had happened. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { startState } from "../../src/federated/simulate.ts";
import { type BestRound, decodeState, encodeState } from "../../src/federated/state.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { decodeMemory, encodeMemory } from "../../src/federated/client_memory.ts";
import { decodeSafetensors, encodeSafetensors, toFloat32 } from "../../src/protocol/safetensors.ts";
import { first, sampled } from "../../src/protocol/selection.ts";
import { byteMemories } from "./byte_memories.ts";
import {
  runRounds,
  timeless,
  tinyFederation,
  type TinySettings,
  withFederation,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

const RUNS: Readonly<Record<string, TinySettings>> = {
  "HAFL as it is": {},
  "clients that rank for themselves": { local: { rankBy: "client" }, selector: sampled(1) },
  "truncated clients that rank for themselves": {
    local: { rankBy: "client" },
    distribution: "truncate",
    scope: "global",
  },
  "clients that keep their optimizer": { local: { optimizerState: "keep" } },
  "clients that keep their optimizer and rank for themselves": {
    local: { optimizerState: "keep", rankBy: "client" },
  },
  "clients that keep what SGD has": {
    local: { optimizerState: "keep" },
    optimizerKind: "sgd",
    optimizer: { learningRate: 0.1 },
  },
  "clients that come and go, vanish and are late": {
    local: { optimizerState: "keep", rankBy: "client" },
    ranks: [1, 2, 4, 2, 1, 4],
    attendance: { participation: 0.8, dropouts: 0.2, stragglers: 0.4 },
  },
  "a server with moments": {
    serverOptimizer: {
      kind: "adam",
      learningRate: 0.01,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-3,
    },
  },
  "what was merged into the base": {
    distribution: "truncate",
    aggregator: "flora",
    selector: first,
    attendance: { participation: 0.7, stragglers: 0.3 },
  },
  "clients that have models of their own": {
    distribution: "truncate",
    aggregator: "local",
    selector: first,
    ranks: [1, 2, 4, 2],
    attendance: { participation: 0.5 },
  },
  "a schedule over the run": {
    local: { schedule: { kind: "cosine", warmupSteps: 2, totalSteps: 12 } },
  },
};

for (const [title, settings] of Object.entries(RUNS)) {
  Deno.test(`decodeState() continues ${title} to the same bytes`, async () => {
    const federation = await tinyFederation({ warmupRounds: 1, ...settings });
    const memories = byteMemories();
    const [whole, half] = await withFederation(cpu, federation, async (session) => {
      const start = await startState(federation, session);
      return [
        await runRounds(federation, session, start, 4),
        await runRounds(federation, session, start, 2, { keep: memories.keep }),
      ];
    });
    if (federation.attendance.stragglers > 0) {
      assert.ok(half.state.late.length > 0, "an update is under way");
    }
    // As files hold them: bytes alone, in buffers of their own.
    const files = new Map(
      [...encodeState(half.state)].map(([name, bytes]) => [name, bytes.slice()]),
    );
    const read = decodeState(files, federation.clients.length, memories.open);
    assert.deepEqual(encodeState(read), encodeState(half.state));
    const resumed = await withFederation(
      cpu,
      federation,
      async (session) => await runRounds(federation, session, read, 2),
    );
    assert.deepEqual(encodeState(resumed.state), encodeState(whole.state));
    assert.deepEqual(
      [...half.records, ...resumed.records].map(timeless),
      whole.records.map(timeless),
    );
  });
}

Deno.test("runRound() carries on what a client keeps, and forgets it otherwise", async () => {
  const runs = [];
  for (const optimizerState of ["keep", "reset"] as const) {
    const federation = await tinyFederation({ local: { optimizerState } });
    runs.push(
      await withFederation(cpu, federation, async (session) => {
        const start = await startState(federation, session);
        const first = await runRounds(federation, session, start, 1);
        return { first, second: await runRounds(federation, session, first.state, 1) };
      }),
    );
  }
  const [keep, reset] = runs;
  assert.deepEqual(keep.first.state.bank, reset.first.state.bank);
  assert.notDeepEqual(keep.second.state.bank, reset.second.state.bank);
  const { layout } = (await tinyFederation()).local;
  for (const memory of keep.second.state.clients) {
    const { optimizer } = await memory!.read();
    const steps = optimizer!.steps;
    const factors = 2 * layout.modules.length * layout.rank;
    assert.equal(steps.length, factors + layout.head.length + 1);
    assert.ok(steps.every((count) => [0, 3, 6].includes(count)));
    // The head in every step, the gaps in none.
    assert.deepEqual(Array.from(steps.subarray(factors)), [...layout.head.map(() => 6), 0]);
  }
  assert.ok(reset.second.state.clients.every((memory) => memory === undefined));
});

Deno.test("decodeMemory() names the part of an optimizer that a file lacks", () => {
  const optimizer = {
    steps: Uint32Array.of(1),
    moments: Float32Array.of(1, 2),
    sensitivity: Float32Array.of(3, 4),
  };
  const { tensors } = decodeSafetensors(encodeMemory({ optimizer }));
  const parts = ["moments", "sensitivity"].map((name) => {
    const data = toFloat32("F32", tensors.get(name)!.bytes);
    return { name, shape: [data.length], data };
  });
  assert.throws(
    () => decodeMemory(encodeSafetensors(parts)),
    (error: Error) => error instanceof UserError && error.message.includes('"steps"'),
  );
});

Deno.test("decodeMemory() names the part of a model that a file lacks", () => {
  const modules = [{ a: Float32Array.of(1, 2), b: Float32Array.of(3) }];
  const model = { modules, head: [Float32Array.of(4)] };
  const bytes = encodeMemory({ model });
  assert.deepEqual(decodeMemory(bytes.slice()).model, model);
  const { tensors } = decodeSafetensors(bytes);
  const parts = ["a.0", "head.0"].map((name) => {
    const data = toFloat32("F32", tensors.get(name)!.bytes);
    return { name, shape: [data.length], data };
  });
  assert.throws(
    () => decodeMemory(encodeSafetensors(parts)),
    (error: Error) => error instanceof UserError && error.message.includes('"b.0"'),
  );
});

Deno.test("decodeState() refuses numbers that are not those of the run", async () => {
  const federation = await tinyFederation();
  const state = await withFederation(cpu, federation, (session) => startState(federation, session));
  const files = encodeState(state);
  const good = JSON.parse(new TextDecoder().decode(files.get("state.json")!));
  const edits = [
    { rounds: -1 },
    { clients: [0, 0] },
    { clients: [0, 0, 0.5] },
    { late: [{ client: 0, steps: 1, lossSum: null, sizes: good.late }] },
    { late: [null] },
    { evaluation: { ...good.evaluation, perLabel: [null] } },
    { evaluation: { ...good.evaluation, loss: null } },
    { own: [good.evaluation, good.evaluation] },
    { own: [good.evaluation, good.evaluation, { ...good.evaluation, rows: -1 }] },
    { best: { ...good.best, clients: [1] } },
    { best: { ...good.best, clients: [1, 1, "1"] } },
    { merged: undefined },
    { merged: [0, 1] },
  ];
  const read = (facts: unknown) => {
    files.set("state.json", new TextEncoder().encode(JSON.stringify(facts)));
    return decodeState(files, 3, byteMemories().open);
  };
  read(good);
  for (const edit of edits) {
    assert.throws(() => read({ ...good, ...edit }), /"state\.json" of the checkpoint is damaged/);
  }
  assert.throws(() => read(null), /damaged/);
});

Deno.test("decodeState() names the file that a checkpoint lacks", async () => {
  const federation = await tinyFederation();
  const state = await withFederation(cpu, federation, (session) => startState(federation, session));
  const merged = {
    changes: state.bank.modules.map(({ inFeatures, outFeatures }) =>
      new Float32Array(inFeatures * outFeatures)
    ),
  };
  const bank = { ...state.bank, merged };
  const whole = encodeState({ ...state, bank, best: { ...state.best, bank } });
  assert.deepEqual([...whole.keys()], [
    "state.json",
    "bank.safetensors",
    "bank-merged.safetensors",
    "best.safetensors",
    "best-merged.safetensors",
  ]);
  for (const name of whole.keys()) {
    const files = new Map(whole);
    files.delete(name);
    assert.throws(
      () => decodeState(files, 3, byteMemories().open),
      (error: Error) => error instanceof UserError && error.message.includes(`"${name}"`),
    );
  }
});

Deno.test("decodeState() goes on from a checkpoint of a version without language models", async () => {
  const federation = await tinyFederation();
  const state = await withFederation(cpu, federation, (session) => startState(federation, session));
  const files = encodeState(state);
  const facts = JSON.parse(new TextDecoder().decode(files.get("state.json")));
  const { merit, ...best } = facts.best;
  const old = { ...facts, best: { ...best, correct: merit } };
  files.set("state.json", new TextEncoder().encode(JSON.stringify(old)));
  const { correct: _, ...read } = decodeState(files, 3, byteMemories().open)
    .best as BestRound & { correct: number };
  assert.deepEqual(read, { ...state.best, clients: undefined });
});
