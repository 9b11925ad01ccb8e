import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import type { Session } from "../../src/lora/session.ts";
import { runRounds, tinyFederation, type TinySettings, withFederation } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

/** A session that counts the passes over the 20 validation rows, in four batches of 6. */
function counting(session: Session): { session: Session; passes: () => number } {
  let batches = 0;
  const executor = {
    ...session.executor,
    run(program: string) {
      if (program.startsWith("evaluate")) batches++;
      session.executor.run(program);
    },
  };
  return { session: { ...session, executor }, passes: () => batches / 4 };
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
