/** The adapted classifiers against PyTorch, and against the same models without an adapter. */

import assert from "node:assert/strict";
import { mergeDelta } from "../../src/lora/merge.ts";
import { readAdapter, readSensitivity, train } from "../../src/lora/session.ts";
import { componentScores } from "../../src/protocol/scores.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { GOLDENS, largestDifference, runForward, type Values } from "../models/support.ts";
import { assertClose } from "../reference/compare.ts";
import {
  everywhere,
  GOLDEN_OPTIMIZER,
  goldenAdapter,
  goldenBatches,
  install,
  LABELS,
  logitsOf,
  readGradients,
  readTinyModel,
  STANDSTILL,
  stepsOver,
  withSession,
} from "./support.ts";

/** PyTorch in float32 shows up to 3e-6 on the gradients, 2e-5 on the trajectories (tests/golden/README.md). */
const TOLERANCE = 1e-4;

for (const family of GOLDENS) {
  const tiny = await readTinyModel(family);
  const batches = goldenBatches(tiny);
  const check = (name: string, actual: ArrayLike<number>) =>
    assertClose(Array.from(actual), tiny.golden.tensor(name).data, TOLERANCE, name);

  onEveryDevice(
    `train() and evaluate() of ${family} compute PyTorch's loss, gradients and logits`,
    async (device) => {
      await withSession(device, tiny, async (session) => {
        install(session, goldenAdapter(tiny, "stored"));
        check("adapted.logits", await logitsOf(session, batches[0]));
        const steps = stepsOver(batches, 1);
        check(
          "adapted.loss",
          await train(session, STANDSTILL, { train: everywhere(tiny, 1) }, steps),
        );
        const gradients = await readGradients(session);
        for (const [name, gradient] of gradients) check(`gradient.${name}`, gradient);
        const golden = tiny.golden.names.filter((name) => name.startsWith("gradient."));
        assert.equal(gradients.size, golden.length);
      });
    },
  );

  onEveryDevice(`train() of ${family} follows PyTorch's AdamW for 50 steps`, async (device) => {
    await withSession(device, tiny, async (session) => {
      install(session, goldenAdapter(tiny, "zero"));
      const steps = stepsOver(batches, Number(tiny.golden.metadata.steps));
      const losses = await train(session, GOLDEN_OPTIMIZER, { train: everywhere(tiny, 1) }, steps);
      check("trajectory.losses", losses);
      const { modules, head } = await readAdapter(session);
      const sensitivities = await readSensitivity(session);
      modules.forEach((module, m) => {
        const { name } = module;
        const { a, b } = sensitivities[m];
        check(`trajectory.final.${name}.a`, module.a);
        check(`trajectory.final.${name}.b`, module.b);
        check(`trajectory.mean.${name}.a`, a.smoothed);
        check(`trajectory.mean.${name}.b`, b.smoothed);
        check(`trajectory.uncertainty.${name}.a`, a.uncertainty);
        check(`trajectory.uncertainty.${name}.b`, b.uncertainty);
        const scores = componentScores(module, { a, b }, "smoothed-uncertainty");
        check(`trajectory.scores.${name}`, scores);
      });
      for (const { name, data } of head) check(`trajectory.final.${name}`, data);
    });
  });

  onEveryDevice(
    `evaluate() of ${family} equals the base while B = 0, and the merged model else`,
    async (device) => {
      const plainLogits = async (weights: ReadonlyMap<string, Values>) => {
        const [{ logits }] = await runForward(device, tiny.model, weights, [batches[0]], LABELS);
        return logits[tiny.golden.metadata.pooling];
      };
      const adapter = goldenAdapter(tiny, "stored");
      const merged = adapter.modules.map((module): [string, Values] => {
        const { shape, data } = tiny.weights.get(`${module.name}.weight`)!;
        return [`${module.name}.weight`, { shape, data: mergeDelta(data, module, tiny.scale) }];
      });
      const ofBase = await plainLogits(tiny.weights);
      const ofMerged = await plainLogits(new Map([...tiny.weights, ...merged]));
      await withSession(device, tiny, async (session) => {
        install(session, goldenAdapter(tiny, "zero"));
        assert.equal(largestDifference(await logitsOf(session, batches[0]), ofBase), 0);
        install(session, adapter);
        const difference = largestDifference(await logitsOf(session, batches[0]), ofMerged);
        assert.ok(difference <= 1e-5, `logits differ by ${difference}`);
      });
    },
  );
}
