import assert from "node:assert/strict";
import { outsideSettings, readStudy } from "../../src/study/read_study.ts";
import { settings } from "../../src/federated/settings.ts";

/** A study with every entry; a test changes a copy. */
function example() {
  return {
    name: "Example",
    settings: { rounds: 2 },
    cells: { iid: { partition: "iid" }, skewed: { dirichletAlpha: 0.1 } },
    methods: {
      IFALoRA: {},
      ITZLoRA: { lr: 0.02 },
      even: { method: "full", aggregation: "fedit", ranks: [2] },
    } as Record<string, unknown>,
    grid: [
      { cells: ["iid", "skewed"], methods: ["IFALoRA", "ITZLoRA"], seeds: [1, 2] },
      { cells: ["iid"], methods: ["even"], seeds: [1] },
    ],
    tuning: {
      cell: "iid",
      seed: 100,
      trials: [{ lr: 0.01 }, { lr: 0.03 }],
      settings: { rounds: 1 },
    } as Record<string, unknown>,
    targets: { iid: 0.5, skewed: 0.4 } as Record<string, number>,
    baseline: "ITZLoRA",
    claims: [
      { text: "Better", metric: "testAtFinal", method: "IFALoRA", than: "ITZLoRA", margin: 0.01 },
      { text: "Fast", metric: "roundsToTarget", method: "IFALoRA", than: "ITZLoRA" },
    ] as Record<string, unknown>[],
    references: { iid: [{ name: "Naive Bayes", accuracy: 0.7 }] } as Record<string, unknown>,
  };
}

Deno.test("readStudy() resolves methods by their names and takes the rest as it stands", () => {
  const study = readStudy(example());
  assert.deepEqual(study.methods.IFALoRA, { method: "freeze", aggregation: "adaptive" });
  assert.deepEqual(study.methods.ITZLoRA, {
    method: "truncate",
    aggregation: "zero-pad",
    lr: 0.02,
  });
  assert.deepEqual(study.methods.even, example().methods.even);
  assert.deepEqual(study.cells, example().cells);
  assert.deepEqual(study.grid, example().grid);
  assert.deepEqual(study.tuning, example().tuning);
  assert.deepEqual(study.claims, example().claims);
  assert.deepEqual(study.references, example().references);
});

Deno.test("readStudy() reads what it has made of a study to the same again", () => {
  const study = readStudy(example());
  assert.deepEqual(readStudy(JSON.parse(JSON.stringify(study))), study);
});

Deno.test("readStudy() needs no more than a name, cells, methods and a grid", () => {
  const { name, cells, methods, grid } = example();
  const study = readStudy({ name, cells, methods, grid });
  assert.deepEqual(
    [study.settings, study.targets, study.claims, study.references, study.tuning],
    [{}, {}, [], {}, undefined],
  );
});

Deno.test("readStudy() asks for no target where the rival's best is one", () => {
  const claims = [
    {
      text: "Fast",
      metric: "roundsToRivalsBest",
      method: "IFALoRA",
      than: "ITZLoRA",
      margin: 1.667,
    },
  ];
  assert.deepEqual(readStudy({ ...example(), claims, targets: {} }).claims, claims);
});

/** What is changed in the example, and the one line that says so. */
const mistakes: readonly [string, (study: ReturnType<typeof example>) => unknown, RegExp][] = [
  [
    "an unknown key",
    (study) => Object.assign(study, { claim: [] }),
    /^Unknown entry "claim" in the study: did you mean "claims"\?$/,
  ],
  [
    "no cells",
    (study) => Object.assign(study, { cells: {} }),
    /^Cannot use cells: expected at least one/,
  ],
  [
    "no methods at all",
    (study) => Object.assign(study, { methods: undefined }),
    /^Cannot use methods: expected an object, got nothing$/,
  ],
  [
    "an unknown setting",
    (study) => study.methods.IFALoRA = { lrr: 1 },
    /^Unknown setting methods\.IFALoRA\.lrr: did you mean "lr"/,
  ],
  [
    "a value that is not allowed",
    (study) => study.methods.IFALoRA = { lr: -1 },
    /^Cannot use methods\.IFALoRA\.lr: expected a number above 0, got -1$/,
  ],
  [
    "a method in a cell",
    (study) => Object.assign(study.cells, { iid: { method: "ffa" } }),
    /^Cannot use cells\.iid\.method: a study's methods stand under "methods"$/,
  ],
  [
    "a method in a trial",
    (study) => Object.assign(study.tuning, { trials: [{ method: "fedit" }] }),
    /^Cannot use tuning\.trials\[0\]\.method: a study's methods stand under "methods"$/,
  ],
  [
    "an unknown method",
    (study) => study.methods.IFALora = {},
    /^Cannot use methods\.IFALora: expected one of .*, got "IFALora" \(did you mean "IFALoRA"\?\)$/,
  ],
  [
    "an unknown method under a name of the study's own",
    (study) => study.methods.mine = { method: "frieze" },
    /^Cannot use methods\.mine\.method: expected one of .*did you mean "freeze"\?\)$/,
  ],
  [
    "a name that is no folder's",
    (study) => study.methods["../x"] = { method: "freeze" },
    /^Cannot use methods\.\.\.\/x: expected a name of letters/,
  ],
  [
    "no parts",
    (study) => Object.assign(study, { grid: [] }),
    /^Cannot use grid: expected a list of parts/,
  ],
  [
    "a list that names nothing",
    (study) => study.grid[1].methods = [],
    /^Cannot use grid\[1\]\.methods: expected a list, each one of IFALoRA, ITZLoRA, even, got \[\]$/,
  ],
  [
    "a cell that is not there",
    (study) => study.grid[0].cells = ["iid", "idd"],
    /^Cannot use grid\[0\]\.cells: .*, got \["iid","idd"\] \(did you mean "iid"\?\)$/,
  ],
  [
    "a seed that is none",
    (study) => study.grid[0].seeds = [1.5],
    /^Cannot use grid\[0\]\.seeds: expected a list, each a whole number of at least 0, got \[1\.5\]$/,
  ],
  [
    "a tuning seed of the grid",
    (study) => study.tuning.seed = 2,
    /^Cannot use tuning\.seed: expected one that no run of the grid has, got 2$/,
  ],
  [
    "no trials",
    (study) => study.tuning.trials = [],
    /^Cannot use tuning\.trials: expected a list of settings/,
  ],
  [
    "a trial's unknown setting",
    (study) => study.tuning.trials = [{ lr: 1 }, { rate: 1 }],
    /^Unknown setting tuning\.trials\[1\]\.rate/,
  ],
  [
    "a target of no cell",
    (study) => study.targets.idd = 0.5,
    /^Unknown entry "idd" in targets: did you mean "iid"/,
  ],
  [
    "a target in percent",
    (study) => study.targets.iid = 50,
    /^Cannot use targets\.iid: expected a number above 0 and of at most 1, got 50$/,
  ],
  [
    "a baseline that is no method",
    (study) => Object.assign(study, { baseline: "random" }),
    /^Cannot use baseline: expected one of/,
  ],
  [
    "a claim about a method that is not there",
    (study) => study.claims[0].than = "hetlora",
    /^Cannot use claims\[0\]\.than: expected one of IFALoRA, ITZLoRA, even, got "hetlora"/,
  ],
  [
    "a claim about one method",
    (study) => study.claims[0].than = "IFALoRA",
    /^Cannot use claims\[0\]\.than: expected another method than IFALoRA$/,
  ],
  [
    "a claim in a cell that lacks one of its methods",
    (study) => Object.assign(study.claims[0], { than: "even", cells: ["skewed"] }),
    /^Cannot use claims\[0\]\.cells: the grid does not run both IFALoRA and even in skewed$/,
  ],
  [
    "a claim that no cell can tell of",
    (study) => {
      study.grid[1].cells = ["skewed"];
      study.grid[0].cells = ["iid"];
      study.claims[0].than = "even";
    },
    /^Cannot check claims\[0\]: no cell of the grid has both IFALoRA and even$/,
  ],
  [
    "a claim without its target",
    (study) => delete study.targets.skewed,
    /^Cannot check claims\[1\]: its roundsToTarget needs a target for cell skewed$/,
  ],
  [
    "a margin that no ratio has",
    (study) => Object.assign(study.claims[1], { metric: "roundsToRivalsBest", margin: 0 }),
    /^Cannot use claims\[1\]\.margin: expected a number above 0, got 0$/,
  ],
  [
    "a margin in points",
    (study) => Object.assign(study.claims[0], { margin: -1 }),
    /^Cannot use claims\[0\]\.margin: expected a number above -1 and below 1, got -1$/,
  ],
  [
    "a rival's best as a metric that it is not",
    (study) => Object.assign(study.claims[0], { metric: "bytesToRivalsBest" }),
    /^Cannot use claims\[0\]\.metric: expected one of .*roundsToRivalsBest, got "bytesToRivalsBest"/,
  ],
  [
    "a name that is too long for a folder's",
    (study) => Object.assign(study.cells, { ["x".repeat(101)]: {} }),
    /^Cannot use cells\.x+: expected a name of .* at most 100 of them/,
  ],
  [
    "cells that differ in case alone",
    (study) => Object.assign(study.cells, { IID: {} }),
    /^Cannot use cells\.IID beside cells\.iid: expected names that differ by more than case/,
  ],
  [
    "a seed that is listed twice",
    (study) => study.grid[0].seeds = [1, 2, 1],
    /^Cannot use grid\[0\]\.seeds: expected each once, got 1 twice$/,
  ],
  [
    "a cell that is listed twice",
    (study) => study.grid[1].cells = ["iid", "iid"],
    /^Cannot use grid\[1\]\.cells: expected each once, got "iid" twice$/,
  ],
  [
    "a claim's cell that is listed twice",
    (study) => Object.assign(study.claims[0], { cells: ["iid", "iid"] }),
    /^Cannot use claims\[0\]\.cells: expected each once, got "iid" twice$/,
  ],
  [
    "equal trials",
    (study) => study.tuning.trials = [{ lr: 1, alpha: 2 }, {}, { alpha: 2, lr: 1 }],
    /^Cannot use tuning\.trials\[2\]: expected other settings than those of tuning\.trials\[0\]$/,
  ],
  [
    "a language model",
    (study) => Object.assign(study.cells.iid, { task: "lm" }),
    /^Cannot use cells\.iid\.task lm: a study compares accuracies, which language models do not h/,
  ],
  [
    "a reference in percent",
    (study) => study.references.iid = [{ name: "Naive Bayes", accuracy: 70 }],
    /^Cannot use references\.iid\[0\]\.accuracy: expected a number above 0 and of at most 1/,
  ],
];

for (const [what, change, expected] of mistakes) {
  Deno.test(`readStudy() refuses ${what}, by the entry's name`, () => {
    const study = example();
    change(study);
    assert.throws(() => readStudy(study), { name: "UserError", message: expected });
  });
}

Deno.test("readStudy() refuses what is no object", () => {
  for (const [value, shown] of [[[1], "\\[1\\]"], [null, "null"], ["x", '"x"']]) {
    assert.throws(() => readStudy(value), {
      message: new RegExp(`^Cannot use the study: expected an object, got ${shown}$`),
    });
  }
});

Deno.test("readStudy() leaves to the command line how runs are run, at every level", () => {
  for (const key of outsideSettings) {
    assert.ok(Object.hasOwn(settings, key), key);
    for (const level of ["settings", "cells.iid", "methods.IFALoRA", "tuning.settings"]) {
      const study = example();
      const path = level.split(".");
      let object: Record<string, unknown> = study;
      for (const part of path) object = object[part] as Record<string, unknown>;
      object[key] = 1;
      assert.throws(
        () => readStudy(study),
        { message: new RegExp(`^Cannot use ${level.replaceAll(".", "\\.")}\\.${key}: `) },
      );
    }
  }
});
