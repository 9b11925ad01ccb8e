import assert from "node:assert/strict";
import { join } from "node:path";
import { readConfig } from "../../../src/cli/pretrain/config.ts";
import { readMetrics } from "../../../src/cli/pretrain/folder.ts";
import type { PretrainReporter } from "../../../src/cli/pretrain/progress.ts";
import { trainSteps } from "../../../src/cli/pretrain/steps.ts";
import { packLayout } from "../../../src/lora/layout.ts";
import type { PretrainState, Trainer } from "../../../src/pretrain/trainer.ts";
import { decodeSafetensors } from "../../../src/protocol/safetensors.ts";
import { withFolder } from "../../temp_folder.ts";

const layout = packLayout([], 0, [{ name: "a.weight", shape: [8, 8], deviation: 0 }]);
const stateAt = (steps: number, weight = 0): PretrainState => ({
  steps,
  parameters: new Float32Array(layout.length).fill(weight),
  moments: new Float32Array(2 * layout.length),
});

/** A trainer that computes nothing: the loss of a step, and the weights after so many steps, are given. */
function pretend(loss: (step: number) => number, weight: (steps: number) => number): Trainer {
  let unread: number[] = [];
  return {
    device: { kind: "cpu", description: "none", threads: 1 },
    layout,
    install() {},
    step(step) {
      assert.ok(unread.length < 10, "losses are read in time");
      unread.push(loss(step));
    },
    losses() {
      const read = unread;
      unread = [];
      return Promise.resolve(read);
    },
    evaluate() {
      assert.equal(unread.length, 0, "losses are read before an evaluation");
      return Promise.resolve({ loss: 30, predictions: 10 });
    },
    state: (steps) => Promise.resolve(stateAt(steps, weight(steps))),
    close: () => Promise.resolve(),
  };
}

const corpus = { length: 1000, read: (_: number, count: number) => new Uint32Array(count) };
const silent: PretrainReporter = {
  note() {},
  read() {},
  start() {},
  step() {},
  metric() {},
  close() {},
};

function run(
  folder: string,
  trainer: Trainer,
  given: { steps: string; evaluateEvery?: number; signal?: AbortSignal; from?: number },
): Promise<PretrainState> {
  const config = readConfig({
    corpus: "a.txt",
    tokenizer: "t",
    objective: "next",
    batch: "2",
    seqLen: "8",
    steps: given.steps,
  });
  return trainSteps(
    {
      config,
      pace: { checkpointMinutes: 60, evaluateEvery: given.evaluateEvery ?? 500 },
      folder,
      trainer,
      objective: { kind: "next" },
      train: corpus,
      validation: corpus,
    },
    stateAt(given.from ?? 0),
    silent,
    given.signal ?? new AbortController().signal,
  );
}

async function savedSteps(folder: string): Promise<string> {
  const file = await Deno.readFile(join(folder, "checkpoint.safetensors"));
  return decodeSafetensors(file).metadata.steps;
}

Deno.test("trainSteps() tells the mean loss every 50 steps and at every evaluation, and saves the end", async () => {
  await withFolder(async (folder) => {
    const trainer = pretend((step) => step, () => 0);
    const end = await run(folder, trainer, { steps: "104", evaluateEvery: 37 });
    assert.equal(end.steps, 104);
    assert.equal(await savedSteps(folder), "104");
    const metrics = await readMetrics(folder, 1000);
    assert.deepEqual(
      metrics.map(({ step, loss, validationLoss }) => [step, loss, validationLoss]),
      [[37, 18, 3], [50, 43, undefined], [74, 61.5, 3], [100, 86.5, undefined], [104, 101.5, 3]],
    );
  });
});

Deno.test("trainSteps() goes on from a step that is no multiple of anything", async () => {
  await withFolder(async (folder) => {
    const trainer = pretend((step) => step, () => 0);
    assert.equal((await run(folder, trainer, { steps: "61", from: 47 })).steps, 61);
    const metrics = await readMetrics(folder, 1000);
    assert.deepEqual(metrics.map(({ step, loss }) => [step, loss]), [[50, 48], [61, 55]]);
  });
});

Deno.test("trainSteps() saves after the step in hand when it is stopped", async () => {
  await withFolder(async (folder) => {
    const controller = new AbortController();
    const stopped = new Error("stopped");
    const trainer = pretend((step) => {
      if (step === 12) controller.abort(stopped);
      return 1;
    }, () => 0);
    const running = run(folder, trainer, { steps: "100", signal: controller.signal });
    await assert.rejects(running, (error) => error === stopped);
    assert.equal(await savedSteps(folder), "13");
    assert.deepEqual((await readMetrics(folder, 1000)).map(({ step }) => step), [13]);
  });
});

Deno.test("trainSteps() never saves what has diverged", async () => {
  const diverging = [
    pretend((step) => step < 15 ? 1 : NaN, () => 0),
    pretend((step) => step < 19 ? 1 : Infinity, () => 0),
    // The last step's own loss is still finite; the weights it leaves are not.
    pretend(() => 1, () => NaN),
  ];
  for (const trainer of diverging) {
    await withFolder(async (folder) => {
      const running = run(folder, trainer, { steps: "20" });
      await assert.rejects(running, /diverged within 20 steps; the last good checkpoint is in/);
      await assert.rejects(savedSteps(folder), Deno.errors.NotFound);
    });
  }
});
