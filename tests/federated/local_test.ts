/** The baseline without federation: every client keeps its own adapter and head. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { fullAttendance } from "../../src/federated/attendance.ts";
import type { KeepMemory, OwnModel } from "../../src/federated/client_memory.ts";
import { evaluateAdapter } from "../../src/federated/evaluate_bank.ts";
import type { Federation } from "../../src/federated/federation.ts";
import { finalScore } from "../../src/federated/final_score.ts";
import { ownAdapter } from "../../src/federated/own_models.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { decodeState, encodeState, type FederationState } from "../../src/federated/state.ts";
import { worstClient } from "../../src/federated/worst_client.ts";
import type { Evaluation } from "../../src/lora/evaluate.ts";
import type { Session } from "../../src/lora/session.ts";
import type { AdapterBank } from "../../src/protocol/bank.ts";
import { allComponents, gatherComponents, maskOf } from "../../src/protocol/components.ts";
import { NO_BYTES } from "../../src/protocol/records.ts";
import { first } from "../../src/protocol/selection.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { byteMemories } from "./byte_memories.ts";
import {
  countingEvaluation,
  labelScores,
  makeSamples,
  runRounds,
  tinyFederation,
  type TinySettings,
  withFederation,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

const LOCAL: TinySettings = {
  distribution: "truncate",
  aggregator: "local",
  selector: first,
  warmupRounds: 0,
};

async function modelOf({ clients }: FederationState, client: number): Promise<OwnModel> {
  return (await clients[client]!.read()).model!;
}

/** A client's own model on rows, put together by hand. */
async function evaluateClient(
  { clients, ...federation }: Federation,
  session: Session,
  bank: AdapterBank,
  client: number,
  model: OwnModel,
  rows = federation.validation,
): Promise<Evaluation> {
  const indices = bank.modules.map(() => allComponents(clients[client].rank));
  const forward = indices.map((list) => maskOf(list, bank.rank));
  const adapter = { ...ownAdapter(bank, indices, model), forward };
  return labelScores(await evaluateAdapter(federation, session, adapter, rows));
}

onEveryDevice(
  "runRound() by local trains a client as a federation of it alone does",
  async (device) => {
    const settings: TinySettings = { ranks: [4, 1, 2], local: { optimizerState: "keep" } };
    const federation = await tinyFederation({ ...LOCAL, ...settings });
    const { clients: [only] } = federation;
    const alone = await tinyFederation({
      ...settings,
      distribution: "full",
      aggregator: "fedit",
      ranks: [only.rank],
    });
    const [own, shared] = await withFederation(device, federation, async (session) => [
      await runRounds(federation, session, await startState(federation, session), 3),
      await runRounds(alone, session, await startState(alone, session), 3),
    ]);
    const { modules, head } = await modelOf(own.state, 0);
    const { bank } = shared.state;
    assert.deepEqual(modules, bank.modules.map(({ a, b }) => ({ a, b })));
    assert.deepEqual(head, bank.head.map(({ data }) => data));
    assert.deepEqual(own.state.own![0], shared.state.evaluation);
  },
);

Deno.test("runRound() by local trains the first r_k components of what the seed draws, and sends nothing", async () => {
  const federation = await tinyFederation(LOCAL);
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state, records } = await runRounds(federation, session, start, 2);
    for (const { upBytes, downBytes, cumulativeUp, cumulativeDown } of records) {
      assert.deepEqual([upBytes, downBytes], [NO_BYTES, NO_BYTES]);
      assert.deepEqual([cumulativeUp, cumulativeDown], [0, 0]);
    }
    const { modules, head } = state.bank;
    assert.deepEqual([modules, head], [start.bank.modules, start.bank.head]);
    assert.deepEqual(records[1].selected, modules.map(() => [3, 2, 1, 1]));
    assert.equal(records[1].trainedShare, 1);
    assert.ok(records[1].scores.flat().every((score) => score > 0), "their own, averaged");

    const frozen = { ...federation.local.optimizer, learningRate: 0, headLearningRate: 0 };
    const still = { ...federation, local: { ...federation.local, optimizer: frozen } };
    const unmoved = await runRound(still, session, start);
    for (const [client, { rank }] of federation.clients.entries()) {
      const drawn = modules.map((module) => gatherComponents(module, 4, allComponents(rank)));
      const expected = { modules: drawn, head: head.map(({ data }) => data) };
      assert.deepEqual(await modelOf(unmoved.state, client), expected);
      assert.notDeepEqual((await modelOf(state, client)).modules, drawn);
      const before = await modelOf((await runRound(federation, session, start)).state, client);
      assert.notDeepEqual(await modelOf(state, client), before, "the second round goes on");
    }
  });
});

Deno.test("runRound() by local records means over the clients' own models, and the worst by its own labels", async () => {
  const federation = await tinyFederation({
    ...LOCAL,
    samples: [30, 6, 20],
    local: { localSteps: 6 },
  });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    assert.equal(labelScores(start.evaluation).rows, 3 * 20);
    const { state, records } = await runRounds(federation, session, start, 2);
    const own: Evaluation[] = [];
    for (const client of [0, 1, 2]) {
      const model = await modelOf(state, client);
      own.push(await evaluateClient(federation, session, state.bank, client, model));
    }
    assert.deepEqual(state.own, own);
    const mean = (of: (one: Evaluation) => number) =>
      own.reduce((sum, one) => sum + of(one) / one.rows / own.length, 0);
    const [, record] = records;
    assert.ok(Math.abs(record.accuracy - mean(({ correct }) => correct)) < 1e-12);
    assert.ok(Math.abs(record.loss - mean(({ loss }) => loss)) < 1e-12);
    const each = own.map((one, client) => worstClient([federation.clients[client]], one));
    assert.equal(record.worstClient, Math.min(...each));
    assert.notEqual(Math.min(...each), Math.max(...each), "clients differ");

    const next = await runRound(federation, session, state);
    assert.deepEqual(
      next.record.perTier,
      [1, 2, 4].map((rank, client) => ({
        rank,
        clients: 1,
        accuracyAfterDistribution: own[client].correct / own[client].rows,
      })),
    );
  });
});

Deno.test("runRound() by local evaluates again only who has trained", async () => {
  const federation = await tinyFederation({
    ...LOCAL,
    ranks: [1, 2, 4, 1, 2, 4],
    attendance: { participation: 0.5 },
  });
  await withFederation(cpu, federation, async (session) => {
    const { session: counted, batches: evaluations } = countingEvaluation(session);
    const batches = Math.ceil(20 / 6);
    let state = await startState(federation, counted);
    assert.equal(evaluations(), batches, "all are the same before the first round");
    for (let round = 0; round < 3; round++) {
      const before = evaluations();
      const next = await runRound(federation, counted, state);
      assert.equal(evaluations() - before, 3 * batches);
      const trained = next.state.clients.map((memory, client) => memory !== state.clients[client]);
      assert.equal(trained.filter(Boolean).length, 3);
      next.state.own!.forEach((one, client) => {
        if (!trained[client]) assert.equal(one, state.own![client]);
      });
      state = next.state;
    }
  });
});

Deno.test("runRound() by local puts each client's model away before the next one's turn", async () => {
  const federation = await tinyFederation(LOCAL);
  const memories = byteMemories();
  const log: string[] = [];
  const keep: KeepMemory = (client, round, memory) => {
    log.push(`keep ${client}`);
    return memories.keep(client, round, memory);
  };
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state } = await runRound(federation, session, start, {
      onStep: ({ client, step }) => {
        if (step === 1) log.push(`train ${client - 1}`);
      },
      keep,
    });
    assert.deepEqual(log, [0, 1, 2].flatMap((client) => [`train ${client}`, `keep ${client}`]));
    const kept = await runRound(federation, session, state, { keep: memories.keep });
    const whole = await runRounds(federation, session, start, 2);
    assert.deepEqual(encodeState(kept.state), encodeState(whole.state));
    assert.deepEqual(await modelOf(kept.state, 2), await modelOf(whole.state, 2));
  });
});

Deno.test("finalScore() of local is the mean over the clients, of the best round's models and the last's", async () => {
  const federation = {
    ...await tinyFederation({ ...LOCAL, samples: [30, 6, 20], local: { localSteps: 8 } }),
    test: makeSamples(40, "test"),
  };
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state, records } = await runRounds(federation, session, start, 5);
    const accuracies = records.map(({ accuracy }) => accuracy);
    const best = accuracies.indexOf(Math.max(...accuracies)) + 1;
    assert.equal(state.best.round, best);
    assert.ok(best < 5, "so that the two differ");
    const meanAfter = async (rounds: number) => {
      const after = (await runRounds(federation, session, start, rounds)).state;
      let correct = 0;
      for (const client of [0, 1, 2]) {
        const model = await modelOf(after, client);
        const { bank } = after;
        const one = await evaluateClient(federation, session, bank, client, model, federation.test);
        correct += one.correct;
      }
      return correct / (3 * 40);
    };
    assert.deepEqual(await finalScore(federation, session, state), {
      rows: 40,
      accuracyAtBest: await meanAfter(best),
      accuracyAtFinal: await meanAfter(5),
    });
  });
});

Deno.test("finalScore() of local evaluates once what a client had after the best round and the last", async () => {
  const federation = {
    ...await tinyFederation({
      ...LOCAL,
      ranks: [1, 2, 4, 1, 2, 4],
      attendance: { participation: 0.5 },
    }),
    test: makeSamples(6, "test"),
  };
  const memories = byteMemories();
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const everyone = { ...federation, attendance: fullAttendance };
    const { state: before } = await runRound(everyone, session, start, memories);
    const { state: last } = await runRound(federation, session, before, memories);
    const best = { ...last.best, round: before.rounds, bank: before.bank, clients: before.clients };
    // As a resumed run has it.
    const state = decodeState(encodeState({ ...last, best }), 6, memories.open);
    const { session: counted, batches } = countingEvaluation(session);
    await finalScore(federation, counted, state);
    assert.equal(batches(), 6 + 3, "everyone's model of the end, and what three had before");
  });
});
