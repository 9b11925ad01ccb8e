import assert from "node:assert/strict";
import { join } from "node:path";
import { readResults } from "../../../src/cli/study/report/read_results.ts";
import { writeReport } from "../../../src/cli/study/write_report.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { type SampleShape, sampleStudy, writeStudy } from "../../study/sample_study.ts";
import { withFolder } from "../../temp_folder.ts";

const one = { settings: { method: "freeze" }, peak: 0.5, pace: 2 } as const;
const shape: SampleShape = {
  rounds: 4,
  cells: { iid: { settings: { partition: "iid" }, level: 1 } },
  methods: { first: one, second: { ...one, fails: [2] } },
  grid: [{ cells: ["iid"], methods: ["first", "second"], seeds: [1, 2] }],
  study: {
    tuning: { cell: "iid", seed: 9, trials: [{ lr: 0.01 }, { lr: 0.1 }], settings: {} },
  },
};
const results = sampleStudy(shape);
const firstRun = "runs/iid/first/seed-1.json";

const report = async (folder: string): Promise<void> =>
  await writeReport(folder, await readResults(folder, results.study));

const refused = (folder: string, ...parts: readonly string[]): Promise<void> =>
  assert.rejects(report(folder), (error) => {
    assert.ok(error instanceof UserError);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  });

Deno.test("writeReport() writes HTML, and Markdown with a file for every figure it shows", async () => {
  await withFolder(async (folder) => {
    await writeStudy(folder, results);
    await report(folder);
    const html = await Deno.readTextFile(join(folder, "report.html"));
    const markdown = await Deno.readTextFile(join(folder, "report.md"));
    for (const text of [html, markdown]) {
      assert.ok(text.includes("A study that never was"));
      assert.ok(text.includes("1 run of 4 failed"));
    }
    const shown = [...markdown.matchAll(/\]\((figures\/[^)]*\.svg)\)/g)].map(([, path]) => path);
    assert.ok(shown.length >= 5);
    for (const path of shown) {
      assert.match(await Deno.readTextFile(join(folder, path)), /^<svg xmlns=/);
    }
    const files = await Array.fromAsync(Deno.readDir(join(folder, "figures")));
    assert.equal(files.length, new Set(shown).size);
  });
});

Deno.test("writeReport() of a half-finished study says so", async () => {
  await withFolder(async (folder) => {
    await writeStudy(folder, { ...results, runs: results.runs.slice(1), trials: [] });
    await report(folder);
    const html = await Deno.readTextFile(join(folder, "report.html"));
    assert.ok(html.includes("3 of 4 runs done. Missing: 1 of iid."));
  });
});

Deno.test("writeReport() names the file that is not whole or lies in another's place", async () => {
  await withFolder(async (folder) => {
    await writeStudy(folder, results);
    const path = join(folder, firstRun);
    const whole = await Deno.readTextFile(path);
    for (const broken of [whole.slice(0, 100), "{}", "null", "[]", '{"kind":"hafl-run"}']) {
      await Deno.writeTextFile(path, broken);
      await refused(folder, firstRun);
    }
    await Deno.writeTextFile(path, whole.replaceAll('"seed":1', '"seed":3'));
    await refused(folder, firstRun, "expected seed 1 by its place, got 3");
    await Deno.writeTextFile(path, whole);
    await report(folder);
    await Deno.writeTextFile(join(folder, "tuning/first/trial-0.json"), "{");
    await refused(folder, "tuning/first/trial-0.json");
  });
});

Deno.test("writeReport() refuses runs over different data, and keeps the report that is there", async () => {
  await withFolder(async (folder) => {
    await writeStudy(folder, results);
    await report(folder);
    const before = await Deno.readTextFile(join(folder, "report.html"));
    const path = join(folder, firstRun);
    const run = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify({ ...run, data: "other" }));
    await refused(folder, firstRun, "runs/iid/first/seed-2.json", "the same data");
    assert.equal(await Deno.readTextFile(join(folder, "report.html")), before);
  });
});
