import assert from "node:assert/strict";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import { resumedConfig } from "../../src/federated/resumed_config.ts";
import type { RunConfig } from "../../src/federated/run_config.ts";

Deno.test("resumedConfig() keeps the run's settings and takes what may change", () => {
  const saved = completeRunConfig({ seed: 7, rounds: 10, schedule: "constant", out: "runs/old" });
  const config = resumedConfig(saved, {
    resume: "runs/moved",
    rounds: 20,
    seed: 7,
    recompute: true,
  });
  assert.deepEqual(
    [config.seed, config.rounds, config.recompute, config.out, config.resume],
    [7, 20, true, "runs/moved", "runs/moved"],
  );
});

Deno.test("resumedConfig() refuses to change what the run is", () => {
  const saved = completeRunConfig({ schedule: "linear", out: "a" });
  const refused: [Partial<RunConfig>, RegExp][] = [
    [{ seed: 2 }, /Cannot change --seed on --resume: the run was started with 1, got 2/],
    [{ baseDtype: "f16" }, /Cannot change --base-dtype on --resume: .* with f32, got f16/],
    [{ ranks: [8] }, /Cannot change --ranks .* started with 2,4,8, got 8/],
    [
      { rounds: 40 },
      /linear schedule spans 20 rounds, got 40; start a run with --schedule constant /,
    ],
    [{ overwrite: true }, /--overwrite with --resume/],
    [{ out: "b" }, /Cannot change --out/],
  ];
  const single = completeRunConfig({ schedule: "linear", rounds: 1, out: "a" });
  assert.throws(
    () => resumedConfig(single, { rounds: 2, resume: "a" }),
    /the linear schedule spans 1 round, got 2; /,
  );
  for (const [given, message] of refused) {
    assert.throws(() => resumedConfig(saved, { resume: "a", ...given }), message);
  }
});
