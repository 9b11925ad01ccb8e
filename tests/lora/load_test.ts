import { BUFFERS } from "../../src/lora/buffers.ts";
import { evaluate } from "../../src/lora/evaluate.ts";
import { type ClassifierBatch, train } from "../../src/lora/session.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { assertClose } from "../reference/compare.ts";
import {
  everywhere,
  GOLDEN_OPTIMIZER,
  goldenAdapter,
  goldenBatches,
  install,
  LABELS,
  logitsOf,
  readTinyModel,
  stepsOver,
  T,
  withSession,
} from "./support.ts";

const llama = await readTinyModel("llama");

onEveryDevice(
  "loadAdaptedModel() serves training and evaluation of several sizes from one adapter",
  async (device) => {
    const all = goldenBatches(llama);
    const longer = padded(all[0], 5);
    const sizes = { buckets: [T, T + 5], evaluationBatch: 2 };
    const [losses, logits] = await withSession(
      device,
      llama,
      async (session) => {
        install(session, goldenAdapter(llama, "stored"));
        const steps = stepsOver([all[0], longer, all[1]], 6);
        const losses = await train(
          session,
          GOLDEN_OPTIMIZER,
          { train: everywhere(llama, 1) },
          steps,
        );
        await evaluate(session, [firstRows(longer, 2)]);
        return [losses, await session.executor.read(BUFFERS.logits, 0, 2 * LABELS)];
      },
      {},
      sizes,
    );
    await withSession(device, llama, async (session) => {
      install(session, goldenAdapter(llama, "stored"));
      const steps = stepsOver([all[0], all[0], all[1]], 6);
      assertClose(
        losses,
        await train(session, GOLDEN_OPTIMIZER, { train: everywhere(llama, 1) }, steps),
        1e-4,
        "losses",
      );
      const expected = (await logitsOf(session, all[0])).subarray(0, 2 * LABELS);
      assertClose(logits, expected, 1e-4, "logits");
    });
  },
);

/** The same rows with `extra` tokens of padding at the right. */
function padded(batch: ClassifierBatch, extra: number): ClassifierBatch {
  const longer = batch.T + extra;
  const widen = (values: ArrayLike<number>) =>
    Array.from({ length: batch.B * longer }, (_, n) => {
      const t = n % longer;
      return t < batch.T ? values[Math.floor(n / longer) * batch.T + t] : 0;
    });
  return {
    ...batch,
    T: longer,
    ids: Uint32Array.from(widen(batch.ids)),
    mask: Uint32Array.from(widen(batch.mask)),
    poolWeights: Float32Array.from(widen(batch.poolWeights)),
  };
}

/** A batch of the first `rows` rows. */
function firstRows(batch: ClassifierBatch, rows: number): ClassifierBatch {
  const { T, ids, mask, labels, poolWeights } = batch;
  return {
    B: rows,
    T,
    rows,
    ids: ids.subarray(0, rows * T),
    mask: mask.subarray(0, rows * T),
    labels: labels.subarray(0, rows),
    weights: new Float32Array(rows).fill(1 / rows),
    poolWeights: poolWeights.subarray(0, rows * T),
  };
}
