import assert from "node:assert/strict";
import { splitSettings } from "../../../../src/cli/study/report/split_settings.ts";
import { sampleStudy } from "../../../study/sample_study.ts";

const one = { peak: 0.5, pace: 1 };
const { runs } = sampleStudy({
  rounds: 1,
  cells: {
    iid: { settings: { partition: "iid" }, level: 1 },
    skewed: { settings: { dirichletAlpha: 0.1 }, level: 1 },
  },
  methods: {
    slow: { ...one, settings: { lr: 0.001, ranks: [2, 8] } },
    fast: { ...one, settings: { lr: 0.1 } },
  },
  grid: [{ cells: ["iid", "skewed"], methods: ["slow", "fast"], seeds: [1, 2] }],
});

Deno.test("splitSettings() says each setting once: of all, of cells, of methods, and never the seed", () => {
  const { common, ofCells, ofMethods } = splitSettings(runs);
  const cells = Object.fromEntries(
    [...ofCells].map(([name, values]) => [name, Object.fromEntries(values)]),
  );
  assert.deepEqual(cells, {
    // Nothing is said of Dirichlet's alpha, which has no effect there.
    iid: { partition: "iid" },
    skewed: { partition: "dirichlet", dirichletAlpha: "0.1" },
  });
  assert.deepEqual(Object.fromEntries(ofMethods.get("slow")!), { lr: "0.001", ranks: "2,8" });
  assert.deepEqual(Object.fromEntries(ofMethods.get("fast")!), { lr: "0.1", ranks: "2,4,8" });
  assert.ok(common.some(([key, value]) => key === "rounds" && value === 1));
  const keys = common.map(([key]) => key);
  assert.ok(!(["seed", "lr", "partition"] as const).some((key) => keys.includes(key)));
});

Deno.test("splitSettings() sets values of a method that differ by cell beside each other", () => {
  const mixed = runs.map((run) =>
    run.method === "slow" && run.cell === "iid"
      ? { ...run, config: { ...run.config, lr: 0.5 } }
      : run
  );
  assert.equal(splitSettings(mixed).ofMethods.get("slow")!.get("lr"), "0.5 or 0.001");
});
