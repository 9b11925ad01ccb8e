import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { requireLabelled } from "../../src/federated/device_batches.ts";
import { runRound, startState } from "../../src/federated/simulate.ts";
import { worstClient } from "../../src/federated/worst_client.ts";
import { labelRecord, labelScores, tinyFederation, withFederation } from "./support.ts";

/** A client with a row of each of these labels. */
function clientOf(...labels: number[]) {
  return { rank: 1, samples: labels.map((label) => ({ ids: Uint32Array.of(1), label })) };
}

// Accuracies 0.8, 0.25 and none.
const evaluation = {
  rows: 14,
  correct: 9,
  perLabel: [{ rows: 10, correct: 8 }, { rows: 4, correct: 1 }, { rows: 0, correct: 0 }],
};

Deno.test("worstClient() weighs the labels' accuracies by a client's own rows and takes the lowest", () => {
  assert.equal(worstClient([clientOf(0, 0)], evaluation), 0.8);
  assert.equal(worstClient([clientOf(0, 0), clientOf(0, 1, 1, 1)], evaluation), (0.8 + 0.75) / 4);
  assert.equal(worstClient([clientOf(1), clientOf(0)], evaluation), 0.25);
});

Deno.test("worstClient() leaves out labels without validation rows", () => {
  assert.equal(worstClient([clientOf(0, 1, 2, 2, 2, 2)], evaluation), (0.8 + 0.25) / 2);
  assert.equal(worstClient([clientOf(2)], evaluation), 9 / 14, "the accuracy on all rows");
});

Deno.test("worstClient() takes each client's own model where there are such", () => {
  const better = {
    ...evaluation,
    perLabel: evaluation.perLabel.map(({ rows }) => ({ rows, correct: rows })),
  };
  const clients = [clientOf(1), clientOf(0)];
  assert.equal(worstClient(clients, evaluation, [better, evaluation]), 0.8);
  assert.equal(worstClient(clients, evaluation, [evaluation, better]), 0.25);
});

Deno.test("runRound() records the worst client of the aggregated model", async () => {
  const federation = await tinyFederation({ local: { localSteps: 6 } });
  const cpu = createCpuDevice({ threads: 1 });
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const next = await runRound(federation, session, start);
    const evaluation = labelScores(next.state.evaluation), record = labelRecord(next.record);
    const validation = requireLabelled(federation.validation);
    const labels = evaluation.perLabel.map((_, label) => label);
    for (const label of labels) {
      const rows = validation.filter((row) => row.label === label).length;
      assert.equal(evaluation.perLabel[label].rows, rows);
    }
    const own = federation.clients.map(({ samples }) =>
      requireLabelled(samples).reduce((sum, { label }) => {
        const { rows, correct } = evaluation.perLabel[label];
        return sum + correct / rows / samples.length;
      }, 0)
    );
    assert.ok(Math.abs(record.worstClient - Math.min(...own)) < 1e-12);
    assert.ok(record.worstClient < record.accuracy, "clients differ");
  });
});
