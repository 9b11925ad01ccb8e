import assert from "node:assert/strict";
import { evaluate } from "../../src/lora/evaluate.ts";
import { onEveryDevice } from "../engine/devices.ts";
import {
  B,
  goldenAdapter,
  goldenBatches,
  install,
  LABELS,
  logitsOf,
  readTinyModel,
  withSession,
} from "./support.ts";

const bert = await readTinyModel("bert");
const batches = goldenBatches(bert);

onEveryDevice("evaluate() sums over batches beyond its ring", async (device) => {
  await withSession(device, bert, async (session) => {
    install(session, goldenAdapter(bert, "stored"));
    const short = { ...batches[4], weights: Float32Array.of(1, 0, 0, 0), rows: 1 };
    let rows = 0, correct = 0, loss = 0;
    for (const batch of [...batches.slice(0, 4), short]) {
      const logits = await logitsOf(session, batch);
      for (let row = 0; row < batch.rows; row++) {
        const values = Array.from(logits.subarray(row * LABELS, (row + 1) * LABELS));
        const label = batch.labels[row];
        rows++;
        if (values.indexOf(Math.max(...values)) === label) correct++;
        loss += Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0)) - values[label];
      }
    }
    const total = await evaluate(session, [...batches.slice(0, 4), short]);
    assert.equal(rows, 4 * B + 1);
    assert.deepEqual([total.rows, total.correct], [rows, correct]);
    assert.ok(Math.abs(total.loss / loss - 1) < 1e-5, `expected ${loss}, got ${total.loss}`);
  });
});
