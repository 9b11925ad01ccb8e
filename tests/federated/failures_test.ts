/** Rounds that fail: what is said, and that nothing is lost. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { DeviceLostError, type Executor } from "../../src/engine/device.ts";
import { DivergedError } from "../../src/federated/client_round.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { encodeState } from "../../src/federated/state.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  countingEvaluation,
  timeless,
  tinyFederation,
  type TinySettings,
  withFederation,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

/** Learning rates that leave float32's range, and where that is seen. */
const DIVERGING: Readonly<Record<string, [TinySettings, RegExp]>> = {
  "a loss": [
    {
      optimizerKind: "sgd",
      optimizer: { learningRate: 1e30, headLearningRate: 1e30, clipNorm: 0 },
    },
    /^Cannot go on: the loss became NaN at step 2 of client 1 in round 1$/,
  ],
  "a weight in the last step": [
    {
      optimizer: { learningRate: 1e39 },
      local: { localSteps: 1 },
    },
    /^Cannot go on: a weight became (NaN|-?Infinity) at step 1 of client 1 in round 1$/,
  ],
  "the combined model's loss": [
    {
      optimizerKind: "sgd",
      optimizer: { headLearningRate: 3e38, clipNorm: 0 },
      local: { localSteps: 1 },
    },
    /^Cannot go on: the validation loss became (NaN|Infinity) after round 1$/,
  ],
};

for (const [what, [settings, message]] of Object.entries(DIVERGING)) {
  onEveryDevice(`runRound() stops where ${what} is not finite, and says where`, async (device) => {
    const federation = await tinyFederation(settings);
    await withFederation(device, federation, async (session) => {
      const start = await startState(federation, session);
      const before = encodeState(start);
      await assert.rejects(runRound(federation, session, start), (error: Error) => {
        assert.ok(error instanceof DivergedError && error instanceof UserError, `${error}`);
        assert.match(error.message, message);
        assert.equal(error.round, 0);
        return true;
      });
      assert.deepEqual(encodeState(start), before);
    });
  });
}

Deno.test("runRound() names the client and the step of a loss that is not finite", async () => {
  const federation = await tinyFederation();
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    let steps = 0;
    // The device's 5th training step is the second of client 2, of three steps each.
    const spoiled = spoil(session.executor, (executor, program) => {
      if (!program.startsWith("train") || ++steps !== 5) return executor.run(program);
      executor.write("row weights", new Float32Array(4).fill(NaN));
      executor.run(program);
    });
    await assert.rejects(
      runRound(federation, { ...session, executor: spoiled }, start),
      (error: DivergedError) => {
        assert.deepEqual([error.round, error.client, error.step], [0, 1, 2]);
        assert.match(error.message, /the loss became NaN at step 2 of client 2 in round 1/);
        return true;
      },
    );
  });
});

Deno.test("runRound() can be run again on another session after its device was lost", async () => {
  const federation = await tinyFederation({ local: { optimizerState: "keep" } });
  const [start, unbroken] = await withFederation(cpu, federation, async (session) => {
    const { state: start } = await runRound(
      federation,
      session,
      await startState(federation, session),
    );
    return [start, await runRound(federation, session, start)];
  });
  const before = encodeState(start);
  // Lost while a client trains, while it reads its losses, and while the result is evaluated.
  for (const lastRun of [2, 8, 11]) {
    await withFederation(cpu, federation, async (session) => {
      let runs = 0;
      const lost = spoil(session.executor, (executor, program) => {
        if (++runs > lastRun) throw new DeviceLostError("The device was lost");
        executor.run(program);
      });
      await assert.rejects(
        runRound(federation, { ...session, executor: lost }, start),
        DeviceLostError,
      );
      assert.ok(runs > lastRun);
      assert.deepEqual(encodeState(start), before);
    });
    await withFederation(cpu, federation, async (session) => {
      const again = await runRound(federation, session, start);
      assert.deepEqual(encodeState(again.state), encodeState(unbroken.state));
      assert.deepEqual(timeless(again.record), timeless(unbroken.record));
    });
  }
});

Deno.test("runRound() ends with what a listener throws, and the session can go on", async () => {
  const federation = await tinyFederation();
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const expected = await runRound(federation, session, start);
    const before = encodeState(start);
    const interrupted = new Error("interrupted");
    await assert.rejects(
      runRound(federation, session, start, {
        onStep: ({ client, step }) => {
          if (client === 2 && step === 3) throw interrupted;
        },
      }),
      interrupted,
    );
    assert.deepEqual(encodeState(start), before);
    const again = await runRound(federation, session, start);
    assert.deepEqual(encodeState(again.state), encodeState(expected.state));
  });
});

Deno.test("runRound() can be ended before every batch that it evaluates", async () => {
  // Truncation: what each tier holds is evaluated, and then the combined model.
  const federation = await tinyFederation({ distribution: "truncate" });
  await withFederation(cpu, federation, async (session) => {
    const { state } = await runRound(federation, session, await startState(federation, session));
    const evaluations = async (last: number): Promise<number> => {
      const { session: counted, batches } = countingEvaluation(session);
      let asked = 0;
      const onBatch = () => {
        if (asked++ === last) throw new Error("interrupted");
      };
      const round = runRound(federation, counted, state, { onBatch });
      if (last === Infinity) await round;
      else await assert.rejects(round, /interrupted/);
      return batches();
    };
    const all = await evaluations(Infinity);
    assert.ok(all > 4, "more than the combined model alone");
    for (let last = 0; last < all; last++) assert.equal(await evaluations(last), last);
  });
});

Deno.test("runRound() takes rows without a token", async () => {
  // Stripping can leave an empty text, and not every tokenizer adds tokens of its own.
  for (const family of ["bert", "llama"] as const) {
    const federation = await tinyFederation({ family });
    const empty = { ids: new Uint32Array(), label: 0 };
    const clients = federation.clients.map(({ rank, samples }) => ({
      rank,
      samples: [empty, ...samples],
    }));
    const withEmpty = { ...federation, clients, validation: [empty, ...federation.validation] };
    await withFederation(cpu, withEmpty, async (session) => {
      const { record } = await runRound(withEmpty, session, await startState(withEmpty, session));
      assert.ok(Number.isFinite(record.loss) && Number.isFinite(record.trainLoss));
    });
  }
});

/** An executor whose runs go through `run`. */
function spoil(
  executor: Executor,
  run: (executor: Executor, program: string) => void,
): Executor {
  return {
    device: executor.device,
    write: (...parts) => executor.write(...parts),
    clear: (buffer) => executor.clear(buffer),
    read: (...parts) => executor.read(...parts),
    close: () => executor.close(),
    run: (program) => run(executor, program),
  };
}
