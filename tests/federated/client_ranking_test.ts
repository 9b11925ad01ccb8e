/** Clients that rank for themselves, and budgets that are pooled over the modules. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { keepInMemory } from "../../src/federated/client_memory.ts";
import { startState } from "../../src/federated/simulate.ts";
import { ClientChoiceError } from "../../src/protocol/client_choice.ts";
import { type Deal, dealOf } from "../../src/protocol/deal.ts";
import { encodeChoice, encodeDownload } from "../../src/protocol/messages/mod.ts";
import {
  dealsOf,
  runRounds,
  tinyFederation,
  updateOf,
  withFederation,
  withTrainedB,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

for (const scope of ["module", "global"] as const) {
  Deno.test(`runRound() by client ranks with scope ${scope} counts the choices and keeps the budget`, async () => {
    const warmupRounds = 2;
    const federation = await tinyFederation({ local: { rankBy: "client" }, scope, warmupRounds });
    const { modules, head } = federation.local.layout;
    await withFederation(cpu, federation, async (session) => {
      const start = await startState(federation, session);
      const { state, records } = await runRounds(federation, session, start, 4);
      const [, dealt, chosen] = records;
      for (const { selected, upBytes } of records) {
        const counts = selected.flat();
        assert.equal(counts.reduce((sum, count) => sum + count, 0), (1 + 2 + 4) * modules.length);
        assert.equal(upBytes.lora + upBytes.head + upBytes.overhead, upBytes.total);
      }
      // The server deals the warm-up, which spends each module's own budget.
      for (const counts of dealt.selected) assert.equal(counts.reduce((x, y) => x + y), 7);
      // From then on each client also sends three lists: of 1, 2 and 4 components a module in all.
      const lists = [1, 2, 4].map((rank, client) => {
        const indices = modules.map(() => Uint32Array.from({ length: rank }, (_, i) => i));
        const address = { run: federation.run, round: 2, client };
        return encodeChoice({ modules }, indices, address).bytes.length;
      });
      const extra = chosen.upBytes.overhead - dealt.upBytes.overhead;
      const expected = lists.reduce((sum, bytes) => sum + bytes, 0);
      // The header pads to 8 bytes and writes shapes as text, so that other lists of the same total may differ a little.
      assert.ok(
        Math.abs(extra - expected) <= (scope === "module" ? 0 : 200),
        `${extra}, ${expected}`,
      );
      assert.equal(head.length > 0 && chosen.upBytes.head, dealt.upBytes.head);
      // Nobody reports scores to the server.
      assert.ok(state.bank.scores.every((scores) => scores.every((score) => score === 0)));
      // The record shows the clients' own, for the report.
      assert.ok(records[3].scores.flat().every((score) => score > 0));
      const memories = await Promise.all(state.clients.map((memory) => memory!.read()));
      assert.ok(memories.every(({ scores }) => scores?.length === modules.length));
    });
  });
}

Deno.test("runRound() lets each client choose by its own scores", async () => {
  const federation = await tinyFederation({
    local: { rankBy: "client" },
    ranks: [2, 2],
    warmupRounds: 0,
  });
  const { modules } = federation.local.layout;
  await withFederation(cpu, federation, async (session) => {
    const start = withTrainedB(await startState(federation, session));
    const favour = (client: number, components: number[]) => {
      const scores = modules.map(() =>
        Float64Array.from({ length: 4 }, (_, i) => components.indexOf(i) + 1)
      );
      return keepInMemory(client, 1, { scores });
    };
    const clients = [await favour(0, [0, 2]), await favour(1, [2, 3])];
    const state = { ...start, clients };
    const { records: [{ selected }] } = await runRounds(federation, session, state, 1);
    for (const counts of selected) assert.deepEqual(counts, [1, 0, 2, 1]);
  });
});

Deno.test("runRound() keeps a client's score of a component that it did not hold this round", async () => {
  const federation = await tinyFederation({
    local: { rankBy: "client" },
    distribution: "truncate",
    ranks: [2],
    warmupRounds: 0,
  });
  const { modules } = federation.local.layout;
  await withFederation(cpu, federation, async (session) => {
    const start = withTrainedB(await startState(federation, session));
    const known = modules.map(() => Float64Array.of(4e9, 3e9, 2e9, 1e9));
    const state = { ...start, clients: [await keepInMemory(0, 1, { scores: known })] };
    const { state: { clients: [kept] } } = await runRounds(federation, session, state, 1);
    const memory = await kept!.read();
    for (const scores of memory.scores!) {
      assert.ok(scores[0] > 0 && scores[0] < 1 && scores[1] > 0 && scores[1] < 1, "measured anew");
      assert.deepEqual([...scores.slice(2)], [2e9, 1e9]);
    }
  });
});

Deno.test("runRound() refuses a choice above its client's budget", async () => {
  const federation = await tinyFederation({
    local: { rankBy: "client" },
    warmupRounds: 0,
    selector: (scores) => Uint32Array.from(scores, (_, i) => i),
  });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    await assert.rejects(
      runRounds(federation, session, start, 1),
      (error: Error) =>
        error instanceof ClientChoiceError && /expected 1 components, got 4/.test(error.message),
    );
  });
});

for (const distribution of ["freeze", "truncate"] as const) {
  Deno.test(`runRound() by ${distribution} pools a budget over the modules; one may get nothing`, async () => {
    const federation = await tinyFederation({ distribution, scope: "global", warmupRounds: 0 });
    const { modules, rank } = federation.local.layout;
    await withFederation(cpu, federation, async (session) => {
      const start = withTrainedB(await startState(federation, session));
      const scores = modules.map((_, m) => new Float64Array(rank).fill(m));
      const state = { ...start, bank: { ...start.bank, scores } };
      const deals = dealsOf(federation, state);
      // Of 8 modules of rank 4, a budget of 1 a module is all of the two modules of the highest scores.
      assert.deepEqual(deals[0].indices.map(({ length }) => length), [0, 0, 0, 0, 0, 0, 4, 4]);
      const { records: [{ selected, upBytes, perTier }] } = await runRounds(
        federation,
        session,
        state,
        1,
      );
      assert.deepEqual(selected, [1, 1, 1, 1, 2, 2, 3, 3].map((n) => [n, n, n, n]));
      // The three clients' budgets in all, at the sizes of the modules they went to.
      const sizes = modules.map(({ inFeatures, outFeatures }) => inFeatures + outFeatures);
      const bytes = 4 *
        selected.reduce((sum, counts, m) => sum + sizes[m] * counts.reduce((x, y) => x + y), 0);
      assert.equal(upBytes.lora, bytes);
      assert.deepEqual(perTier.map(({ clients }) => clients), [1, 1, 1]);
    });
  });
}

Deno.test("clientRound() sends nothing of a module without a component, and lists that are empty", async () => {
  const federation = await tinyFederation();
  await withFederation(cpu, federation, async (session) => {
    const { bank } = withTrainedB(await startState(federation, session));
    for (const distribution of ["freeze", "truncate"] as const) {
      const none: Deal = dealOf(4, 0, 0, distribution, bank.modules.map(() => new Uint32Array()));
      const { sizes } = encodeDownload(bank, none, { run: federation.run });
      assert.equal(sizes.lora === 0, distribution === "truncate");
      const { update } = await updateOf(federation, session, bank, none);
      assert.ok([...update.indices, ...update.a!, ...update.b].every(({ length }) => length === 0));
      assert.notDeepEqual(update.head[0].data, bank.head[0].data);
      // A client that holds nothing has measured nothing.
      if (distribution === "truncate") assert.equal(update.scores, undefined);
      else assert.ok(update.scores!.every((scores) => scores.every((score) => score > 0)));
    }
  });
});
