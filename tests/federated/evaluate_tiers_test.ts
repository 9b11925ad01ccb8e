import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { evaluateTiers } from "../../src/federated/evaluate_tiers.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import type { FederationState } from "../../src/federated/state.ts";
import type { Session } from "../../src/lora/session.ts";
import { first } from "../../src/protocol/selection.ts";
import {
  countingEvaluation,
  dealsOf,
  runRounds,
  tinyFederation,
  type TinySettings,
  withFederation,
  withTrainedB,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

/** A session that counts the passes over the 20 validation rows, in four batches of 6. */
function counting(session: Session): { session: Session; passes: () => number } {
  const { session: counted, batches } = countingEvaluation(session);
  return { session: counted, passes: () => batches() / 4 };
}

const cases: Readonly<Record<string, [settings: TinySettings, passes: number]>> = {
  "the whole bank not at all, whoever trains what": [{ distribution: "freeze" }, 0],
  "what a tier holds once, however many hold it": [{ distribution: "truncate" }, 2],
};

for (const [what, [settings, expected]] of Object.entries(cases)) {
  Deno.test(`runRound() evaluates ${what}`, async () => {
    const federation = await tinyFederation({
      ...settings,
      ranks: [1, 1, 1, 2, 2, 4],
      samples: [5, 6, 7, 8, 9, 10],
      warmupRounds: 1,
    });
    await withFederation(cpu, federation, async (session) => {
      const start = await startState(federation, session);
      // Every component has a score of its own after the warm-up, so that the ranking is one for all.
      const { state } = await runRounds(federation, session, start, 1);
      const { session: counted, passes } = counting(session);
      const { record } = await runRound(federation, counted, state);
      assert.equal(passes(), expected + 1, "and the new bank");
      assert.deepEqual(
        record.perTier.map(({ rank, clients }) => [rank, clients]),
        [[1, 3], [2, 2], [4, 1]],
      );
    });
  });
}

/** The state with zeros in the columns of B from the given one on. */
function withoutB(state: FederationState, from: number): FederationState {
  const { bank } = state;
  const modules = bank.modules.map((module) => ({
    ...module,
    b: module.b.map((value, at) => at % bank.rank < from ? value : 0),
  }));
  return { ...state, bank: { ...bank, modules } };
}

Deno.test("evaluateTiers() evaluates only who lacks a component that changes the model", async () => {
  const federation = await tinyFederation({
    distribution: "truncate",
    selector: first,
    warmupRounds: 0,
  });
  await withFederation(cpu, federation, async (session) => {
    const trained = withTrainedB(await startState(federation, session));
    // Clients hold the first 1, 2 and 4 of 4 components.
    for (const [from, tiers] of [[0, 0], [1, 0], [2, 1], [3, 2], [4, 2]]) {
      const { session: counted, passes } = counting(session);
      const state = withoutB(trained, from);
      const told = await evaluateTiers(federation, counted, state, dealsOf(federation, state));
      assert.equal(passes(), tiers, `b_i of the first ${from}`);
      const [rank, evaluations] = told[2];
      assert.deepEqual([rank, evaluations], [4, [state.evaluation]]);
    }
  });
});

Deno.test("evaluateTiers() takes models of the clients' own as they were evaluated", async () => {
  const federation = await tinyFederation({ ranks: [2, 4, 2] });
  await withFederation(cpu, federation, async (session) => {
    const start = withTrainedB(await startState(federation, session));
    const own = [1, 2, 4].map((correct) => ({ ...start.evaluation, correct }));
    const state = { ...start, own };
    assert.deepEqual(await evaluateTiers(federation, session, state, dealsOf(federation, state)), [
      [2, [own[0], own[2]]],
      [4, [own[1]]],
    ]);
  });
});
