import assert from "node:assert/strict";
import { UserError } from "../../src/protocol/errors.ts";
import { checkComparable } from "../../src/study/check_comparable.ts";
import type { StudyRun } from "../../src/study/result.ts";
import type { StudyResults } from "../../src/study/study_results.ts";
import { sampleStudy } from "./sample_study.ts";

const results = sampleStudy({
  rounds: 3,
  cells: { iid: { settings: { partition: "iid" }, level: 1 }, skewed: { settings: {}, level: 1 } },
  methods: {
    one: { settings: { aggregation: "adaptive", buckets: [64, 32] }, peak: 0.5, pace: 4 },
    long: { settings: { rounds: 5, evalPosts: 20 }, peak: 0.5, pace: 4 },
  },
  grid: [{ cells: ["iid", "skewed"], methods: ["one", "long"], seeds: [1, 2] }],
  study: { tuning: { cell: "iid", seed: 9, trials: [{ lr: 0.02 }], settings: {} } },
});

/** The results with one run changed. */
function changed(place: string, change: (run: StudyRun) => Partial<StudyRun>): StudyResults {
  const runs = results.runs.map((run) =>
    `${run.cell}/${run.method}/${run.seed}` === place ? { ...run, ...change(run) } : run
  );
  return { ...results, runs };
}

const refused = (study: StudyResults, message: RegExp): void =>
  assert.throws(
    () => checkComparable(study),
    (error) => error instanceof UserError && message.test(error.message),
  );

Deno.test("checkComparable() takes runs that differ by what the study says alone", () => {
  checkComparable(results);
  // Another learning rate than any setting: the tuning chose it.
  checkComparable(changed("iid/one/1", (run) => ({ config: { ...run.config, lr: 0.5 } })));
  // Of a method that evaluates as many models as there are clients.
  checkComparable(
    changed("iid/long/1", ({ facts }) => ({ facts: { ...facts, validationRows: 20 } })),
  );
  // Cells are each over data of their own.
  const other = { ...results, runs: results.runs.map((run) => ({ ...run, data: run.cell })) };
  checkComparable(other);
});

Deno.test("checkComparable() refuses runs over different data, models, rows or rounds, by their names", () => {
  const both = "Cannot compare runs/iid/one/seed-1.json with runs/iid/one/seed-2.json: ";
  refused(
    changed("iid/one/2", () => ({ data: "abc" })),
    new RegExp(`^${both}expected the same data, got 9f86.* and abc$`),
  );
  refused(changed("iid/one/2", () => ({ model: "abc" })), new RegExp(`^${both}.*same model`));
  refused(
    changed("iid/one/2", ({ rounds }) => ({ rounds: rounds.slice(1) })),
    new RegExp(`^${both}expected the same number of rounds, got 3 and 2$`),
  );
  const facts = (name: string, value: unknown) =>
    changed("iid/one/2", (run) => ({ facts: { ...run.facts, [name]: value } }));
  refused(facts("validationRows", 7), /same number of validation rows, got 1000 and 7/);
  refused(facts("testRows", 7), /same number of test rows, got 7532 and 7/);
  refused(facts("labels", ["a", "b"]), /same labels/);
});

Deno.test("checkComparable() refuses a run made with other settings than the study's", () => {
  refused(
    changed("skewed/long/2", (run) => ({ config: { ...run.config, rounds: 6 } })),
    /^Cannot report runs\/skewed\/long\/seed-2\.json: expected rounds 5 as study\.json has it, got 6$/,
  );
  refused(
    changed("iid/one/1", (run) => ({ config: { ...run.config, partition: "dirichlet" } })),
    /expected partition "iid" as study\.json has it, got "dirichlet"/,
  );
});
