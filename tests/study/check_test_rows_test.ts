import assert from "node:assert/strict";
import { checkTestRows } from "../../src/study/check_test_rows.ts";
import { planGrid } from "../../src/study/grid.ts";
import { readStudy } from "../../src/study/read_study.ts";

const surroundings = { device: "cpu", threads: 1, offline: true, cacheDir: null } as const;

function check(claim: object, changes: object): void {
  const study = readStudy({
    name: "Claims",
    cells: { seen: {}, unseen: { evalTest: false } },
    methods: { IFALoRA: {}, ITZLoRA: {}, random: {} },
    grid: [{ cells: ["seen", "unseen"], methods: ["IFALoRA", "ITZLoRA", "random"], seeds: [1] }],
    claims: [{ text: "Better", method: "IFALoRA", than: "ITZLoRA", ...claim }],
    ...changes,
  });
  checkTestRows(study, planGrid(study, surroundings));
}

Deno.test("checkTestRows() refuses a claim about test rows that its runs leave alone", () => {
  for (const metric of ["testAtFinal", "testAtBest"]) {
    assert.throws(() => check({ metric }, {}), {
      name: "UserError",
      message:
        `Cannot check claims[0]: its ${metric} needs the test rows, which IFALoRA in unseen ` +
        "leaves alone (evalTest false)",
    });
  }
});

Deno.test("checkTestRows() takes claims that other runs or other rows decide", () => {
  check({ metric: "testAtFinal", cells: ["seen"] }, {});
  check({ metric: "final" }, {});
  check({ metric: "testAtFinal" }, {
    cells: { seen: {} },
    methods: { IFALoRA: {}, ITZLoRA: {}, random: { evalTest: false } },
    grid: [{ cells: ["seen"], methods: ["IFALoRA", "ITZLoRA", "random"], seeds: [1] }],
  });
});
