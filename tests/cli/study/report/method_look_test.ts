import assert from "node:assert/strict";
import { methodLooks } from "../../../../src/cli/study/report/method_look.ts";
import type { Claim } from "../../../../src/study/study.ts";
import { sampleStudy } from "../../../study/sample_study.ts";

const names = Array.from({ length: 11 }, (_, index) => `m${index}`);
const { study } = sampleStudy({
  rounds: 1,
  cells: { iid: { settings: {}, level: 1 } },
  methods: Object.fromEntries(names.map((name) => [name, { settings: {}, peak: 0.5, pace: 1 }])),
  grid: [{ cells: ["iid"], methods: names, seeds: [1] }],
});
const claim = (method: string, than: string): Claim => ({
  text: "",
  metric: "final",
  method,
  than,
});

Deno.test("methodLooks() lets the methods of claims stand out first, then the study's order", () => {
  const looks = methodLooks({
    ...study,
    claims: [claim("m9", "m10"), claim("m8", "m9")],
    baseline: "m7",
  });
  const core = [...looks].filter(([, look]) => look.core).map(([name]) => name);
  assert.deepEqual(core, ["m9", "m8", "m7", "m10", "m0", "m1", "m2", "m3"]);
  assert.equal(new Set(core.map((name) => looks.get(name)!.color)).size, 8);
  assert.deepEqual(core.filter((name) => looks.get(name)!.dashed), ["m0", "m1", "m2", "m3"]);
  assert.deepEqual(
    [looks.size, looks.get("m4")],
    [11, { color: "var(--other)", dashed: false, core: false }],
  );
});
