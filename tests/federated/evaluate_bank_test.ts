import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { requireLabelled } from "../../src/federated/device_batches.ts";
import { evaluateBank } from "../../src/federated/evaluate_bank.ts";
import { startState } from "../../src/federated/simulate.ts";
import {
  LABELS,
  labelScores,
  logitsOf,
  tinyFederation,
  withFederation,
  withTrainedB,
} from "./support.ts";

Deno.test("evaluateBank() counts rows and hits of each label by the highest logit", async () => {
  const federation = await tinyFederation();
  await withFederation(createCpuDevice({ threads: 1 }), federation, async (session) => {
    const { bank } = withTrainedB(await startState(federation, session));
    const rows = requireLabelled(
      federation.validation.slice(0, federation.sizes.evaluationBatch),
    );
    const evaluation = labelScores(await evaluateBank(federation, session, bank, rows));
    const logits = await logitsOf(federation, session);
    const expected = Array.from({ length: LABELS }, () => ({ rows: 0, correct: 0 }));
    rows.forEach(({ label }, row) => {
      const own = [...logits.subarray(row * LABELS, (row + 1) * LABELS)];
      expected[label].rows++;
      if (own.indexOf(Math.max(...own)) === label) expected[label].correct++;
    });
    assert.deepEqual(evaluation.perLabel, expected);
    assert.equal(evaluation.rows, rows.length);
    assert.equal(evaluation.correct, expected.reduce((sum, { correct }) => sum + correct, 0));
    assert.ok(new Set(rows.map(({ label }) => label)).size > 1 && evaluation.correct > 0);
  });
});
