import assert from "node:assert/strict";
import { checkStudyEffects } from "../../src/study/check_study_effects.ts";
import { planGrid, planTuning } from "../../src/study/grid.ts";
import { readStudy } from "../../src/study/read_study.ts";

const surroundings = { device: "cpu", threads: 1, offline: true, cacheDir: null } as const;
const file = {
  name: "Effects",
  cells: { iid: { partition: "iid" }, skewed: {} },
  methods: { IFALoRA: {}, sampled: {}, head: {} },
  grid: [{ cells: ["iid", "skewed"], methods: ["IFALoRA", "sampled", "head"], seeds: [1] }],
  tuning: { cell: "iid", seed: 9, trials: [{ lr: 0.1 }, {}] },
};

function check(changes: object): void {
  const study = readStudy({ ...file, ...changes });
  const runs = [...planTuning(study, surroundings), ...planGrid(study, surroundings)];
  checkStudyEffects(study, runs);
}

Deno.test("checkStudyEffects() takes what has an effect in some of the runs it goes into", () => {
  check({ settings: { dirichletAlpha: 0.3, temperature: 2, lr: 0.1, selection: "sampled" } });
  check({ cells: { iid: { partition: "iid", temperature: 2 }, skewed: {} } });
  check({ methods: { ...file.methods, sampled: { temperature: 2, dirichletAlpha: 1 } } });
});

Deno.test("checkStudyEffects() refuses what has an effect in none, by the entry's name", () => {
  const refused = (changes: object, message: string) =>
    assert.throws(() => check(changes), { name: "UserError", message });
  const shards = "with partition iid: it has no effect there, only with partition shards";
  refused({ settings: { shardsPerClient: 2 } }, `Cannot use settings.shardsPerClient ${shards}`);
  refused(
    { cells: { iid: { partition: "iid", shardsPerClient: 3 }, skewed: {} } },
    `Cannot use cells.iid.shardsPerClient ${shards}`,
  );
  refused(
    { methods: { ...file.methods, head: { lr: 1 } } },
    "Cannot use methods.head.lr with method head: it has no effect there",
  );
  refused(
    { tuning: { ...file.tuning, settings: { shardsPerClient: 1 } } },
    `Cannot use tuning.settings.shardsPerClient ${shards}`,
  );
  refused(
    { tuning: { ...file.tuning, trials: [{}, { adamEps: 1, optimizer: "sgd" }] } },
    "Cannot use tuning.trials[1].adamEps with optimizer sgd: it has no effect there, only with optimizer adamw",
  );
});
